"""Where the rows of a data set come from, as callers name it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from shared.errors import FieldViolation


@dataclass(frozen=True)
class HomeCreditTables:
    """The eight Home Credit tables in `directory`, which is relative to the tables root."""

    directory: str


Source = HomeCreditTables


def source_to_json(source: Source) -> dict[str, Any]:
    """Return plain dicts that `source_from_json` turns back into an equal source."""
    return asdict(source)


def source_from_json(document: Mapping[str, Any]) -> Source:
    """Return the source that `source_to_json` wrote."""
    return HomeCreditTables(**document)


def source_violations(source: Source) -> list[FieldViolation]:
    """Return every field of the source that can never work, whatever the files hold."""
    return [] if source.directory else [FieldViolation("home_credit.directory", "name the folder of the tables")]
