"""The reason that each feature of the Home Credit tables counts to, from `reasons.toml`."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from shared.features.columns import FeatureColumn


@dataclass(frozen=True)
class Reason:
    """A stable code, the text that an applicant reads, and the patterns of the columns that count to it."""

    code: str
    text: str
    columns: tuple[str, ...]


def reason_of(column: FeatureColumn) -> Reason | None:
    """Return the feature's reason, None if the catalogue has none: then the feature is a reason by itself."""
    for place in _places(column):
        for reason in catalogue():
            if any(fnmatchcase(place, pattern) for pattern in reason.columns):
                return reason
    return None


@cache
def catalogue() -> tuple[Reason, ...]:
    """Return all reasons in the order in which they are matched."""
    document = tomllib.loads(Path(__file__).with_name("reasons.toml").read_text(encoding="utf-8"))
    return tuple(Reason(code, entry["text"], tuple(entry["columns"])) for code, entry in document.items())


def _places(column: FeatureColumn) -> Iterator[str]:
    """Yield the column's `table.COLUMN`, then that of its first input, and so on."""
    yield f"{column.table}.{column.source}"
    for first in column.inputs[:1]:
        yield from _places(first)
