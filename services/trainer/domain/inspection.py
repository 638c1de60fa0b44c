"""What callers ask when they look at data, and the bounds that keep each answer small and quick."""

from dataclasses import dataclass
from typing import Final

from services.trainer.domain.cleaning import CleaningOptions
from services.trainer.domain.correlation import Correlation
from services.trainer.domain.results import SplitName
from services.trainer.domain.rows import RowsUsed
from shared.errors import InvalidInput

MOST_RETURNED_ROWS: Final = 1_000
MOST_RETURNED_CELLS: Final = 1_000_000
MOST_DESCRIBED_ROWS: Final = 1_000_000
MOST_ANALYSED_CELLS: Final = 10_000_000
LONGEST_TEXT: Final = 200


@dataclass(frozen=True)
class TableAt:
    """A table by its path relative to the tables root."""

    path: str


@dataclass(frozen=True)
class SplitOf:
    """A split of a data set by its id."""

    dataset: str
    split: SplitName


Place = TableAt | SplitOf


@dataclass(frozen=True)
class SampleQuery:
    """Which rows of which columns: no column means all; without `random` the first rows."""

    columns: tuple[str, ...]
    rows: int
    random: bool
    seed: int


@dataclass(frozen=True)
class DescriptionQuery:
    """Which column, in how many bins or levels at most."""

    place: Place
    column: str
    bins: int
    levels: int
    seed: int


@dataclass(frozen=True)
class CorrelationQuery:
    """The strongest of all pairs, or of one column with the others where `column` is not empty."""

    place: Place
    column: str
    pairs: int
    least_rows: int
    seed: int


@dataclass(frozen=True)
class Correlations:
    """The strongest correlations, between columns by their places in `columns`, and the rows behind them."""

    columns: tuple[str, ...]
    found: tuple[Correlation, ...]
    used: RowsUsed


@dataclass(frozen=True)
class PreviewQuery:
    """Which cleaning options to try on the train split of which data set."""

    dataset: str
    options: CleaningOptions
    seed: int


def check_size(rows: int, columns: int) -> None:
    """Raise InvalidInput TOO_MANY_CELLS where an answer would be too large to send."""
    if rows * columns > MOST_RETURNED_CELLS:
        remedy = f"{rows} rows of {columns} columns are more than {MOST_RETURNED_CELLS} cells; ask for fewer rows"
        raise InvalidInput.of("row_count", f"{remedy}, or name fewer columns", reason="TOO_MANY_CELLS")
