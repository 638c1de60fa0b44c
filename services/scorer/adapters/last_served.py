"""Which version was served last, in a small file: what a scorer restarts with while MLflow is down."""

import json
import logging
from dataclasses import asdict
from pathlib import Path

from shared.bundle.dataset import StandIn
from shared.bundle.registry import RegisteredVersion
from shared.errors import Unavailable

_LOGGER = logging.getLogger("counterfoil.scorer.loading")


def remember(path: Path, alias: str, version: RegisteredVersion, stand_in: StandIn | None) -> None:
    """Write down that the alias named this version, and the data set that stood in for its own.

    If the disk refuses, that is logged, for the bundle serves all the same.
    """
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        applicants = None if stand_in is None else stand_in.to_json()
        partial.write_text(json.dumps({"alias": alias, "applicants": applicants, **asdict(version)}))
        partial.replace(path)
    except OSError as error:
        fields = {"message": error.strerror}
        _LOGGER.warning("a restart without MLflow will not know this version", extra={"fields": fields})


def recall(path: Path, model: str, alias: str) -> tuple[RegisteredVersion, StandIn | None]:
    """Return the version that the model's alias named last, and the data set that stood in for its own.

    Raises Unavailable (NO_LAST_VERSION) if none is known.
    """
    try:
        document = json.loads(path.read_text())
        known_alias, applicants = document.pop("alias"), document.pop("applicants", None)
        version = RegisteredVersion(**document)
        stand_in = None if applicants is None else StandIn.from_json(applicants)
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise _unknown() from error
    if (version.model, known_alias) != (model, alias):
        raise _unknown()
    return version, stand_in


def _unknown() -> Unavailable:
    return Unavailable("no version was served here before, so MLflow is needed to start", reason="NO_LAST_VERSION")
