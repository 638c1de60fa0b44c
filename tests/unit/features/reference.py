"""The levels with which the reference script makes its 771 features, for tests that have no real tables."""

import json
from pathlib import Path

from shared.features.levels import Levels


def read_reference_levels() -> Levels:
    """Return the levels of the reference's text columns."""
    return Levels.from_json(json.loads(Path(__file__).with_name("reference_levels.json").read_text(encoding="utf-8")))
