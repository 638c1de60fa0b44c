"""What several tests of the scorer stand on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.scorer.adapters.spool import Spool
from tests.clock import Clock


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """Give an open spool."""
    spool = Spool(tmp_path / "spool", clock=Clock())
    yield spool
    spool.close()
