"""What is told of a table without reading all of it."""

from dataclasses import dataclass
from enum import StrEnum


class ColumnKind(StrEnum):
    """What the values of a column are; those of OTHER are nested or binary and cannot be looked at."""

    NUMBER = "NUMBER"
    TEXT = "TEXT"
    OTHER = "OTHER"


@dataclass(frozen=True)
class ListedColumn:
    """A column; `meaning` is empty where it is not known."""

    name: str
    kind: ColumnKind
    meaning: str = ""


@dataclass(frozen=True)
class TableProblem:
    """What makes a table unusable: a stable reason, the column (empty: the whole table), and the remedy."""

    reason: str
    column: str
    description: str


@dataclass(frozen=True)
class ListedTable:
    """A table in a folder; an absent one has a name and no more. `path` is relative to the tables root."""

    name: str
    path: str = ""
    format: str = ""
    size_bytes: int = 0
    rows: int = 0
    rows_estimated: bool = False
    columns: tuple[ListedColumn, ...] = ()
    ignored_columns: tuple[str, ...] = ()
    problems: tuple[TableProblem, ...] = ()
    required: bool = False

    @property
    def present(self) -> bool:
        """Whether the folder holds it."""
        return bool(self.path)
