"""Whether data has drifted away from the training data: what can be compared, and what the comparison means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

import numpy as np
import polars as pl


class Verdict(StrEnum):
    """What was found about a column."""

    STABLE = "STABLE"
    DRIFTED = "DRIFTED"
    EMPTY = "EMPTY"
    TOO_FEW = "TOO_FEW"


class Outcome(StrEnum):
    """Whether anything could be compared."""

    COMPARED = "COMPARED"
    WINDOW_TOO_SMALL = "WINDOW_TOO_SMALL"
    NO_COLUMNS = "NO_COLUMNS"


@dataclass(frozen=True)
class DriftBounds:
    """Rows and values of a side below which nothing is compared, and the share of columns that makes a drift."""

    minimum_rows: int = 100
    drifted_share: float = 0.5


@dataclass(frozen=True)
class Comparison:
    """What a statistical method said of one column: a distance or a p-value, against its bound."""

    method: str
    score: float
    bound: float
    drifted: bool


@dataclass(frozen=True)
class ColumnDrift:
    """One column's result; `comparison` is None where the verdict is EMPTY or TOO_FEW. Shares lie in 0 to 1."""

    column: str
    verdict: Verdict
    reference_missing_share: float
    current_missing_share: float
    comparison: Comparison | None = None


@dataclass(frozen=True)
class DriftResult:
    """What a report found; `drifted_share` and `drifted` are None unless the outcome is COMPARED."""

    outcome: Outcome
    reference_rows: int
    current_rows: int
    bounds: DriftBounds
    columns: tuple[ColumnDrift, ...]
    drifted_share: float | None = None
    drifted: bool | None = None


@dataclass(frozen=True)
class Documents:
    """A report as a page for people and as JSON for machines; `drawn` are the columns that the page draws."""

    html: str
    json: str
    drawn: tuple[str, ...] = ()


class Comparer(Protocol):
    """Compares two tables column by column."""

    def compare(
        self,
        current: pl.DataFrame,
        reference: pl.DataFrame,
        categorical: frozenset[str],
        bounds: DriftBounds,
        most_drawn: int | None,
    ) -> tuple[Mapping[str, Comparison], Documents]:
        """Return each column's comparison; every column has at least `bounds.minimum_rows` values on both sides.

        The page draws at most `most_drawn` columns, None means all.
        """
        ...


def choose_drawn(comparisons: Mapping[str, Comparison], most: int | None) -> list[str]:
    """Return up to `most` of the compared columns, drifted ones first, else in their order."""
    return sorted(comparisons, key=lambda column: not comparisons[column].drifted)[:most]


def screen(current: pl.DataFrame, reference: pl.DataFrame, bounds: DriftBounds) -> tuple[ColumnDrift, ...]:
    """Return each column with its missing shares and whether it can be compared (then its verdict is STABLE so far).

    Both tables have the same float columns; null and NaN are missing.
    """
    return tuple(_screen(column, current[column], reference[column], bounds) for column in current.columns)


def comparable(columns: Sequence[ColumnDrift]) -> list[str]:
    """Return the names of the screened columns that can be compared."""
    return [column.column for column in columns if column.verdict is Verdict.STABLE]


def find_outcome(current_rows: int, columns: Sequence[ColumnDrift], bounds: DriftBounds) -> Outcome:
    """Return whether a table of so many rows, with these screened columns, can be compared."""
    if current_rows < bounds.minimum_rows:
        return Outcome.WINDOW_TOO_SMALL
    return Outcome.COMPARED if comparable(columns) else Outcome.NO_COLUMNS


def conclude(
    columns: Sequence[ColumnDrift],
    comparisons: Mapping[str, Comparison],
    *,
    current_rows: int,
    reference_rows: int,
    bounds: DriftBounds,
) -> DriftResult:
    """Return the result of the screened columns and, if the outcome is COMPARED, their comparisons."""
    outcome = find_outcome(current_rows, columns, bounds)
    judged = tuple(_judge(column, comparisons) for column in columns)
    compared = [column for column in judged if column.comparison is not None]
    share = sum(column.verdict is Verdict.DRIFTED for column in compared) / len(compared) if compared else None
    return DriftResult(
        outcome=outcome,
        reference_rows=reference_rows,
        current_rows=current_rows,
        bounds=bounds,
        columns=judged,
        drifted_share=share,
        drifted=None if share is None else share >= bounds.drifted_share,
    )


def _screen(column: str, current: pl.Series, reference: pl.Series, bounds: DriftBounds) -> ColumnDrift:
    counts = [int(np.count_nonzero(np.isfinite(series.to_numpy()))) for series in (current, reference)]
    verdict = Verdict.STABLE
    if min(counts) == 0:
        verdict = Verdict.EMPTY
    elif min(counts) < bounds.minimum_rows:
        verdict = Verdict.TOO_FEW
    return ColumnDrift(
        column,
        verdict,
        reference_missing_share=_missing_share(counts[1], reference.len()),
        current_missing_share=_missing_share(counts[0], current.len()),
    )


def _missing_share(values: int, rows: int) -> float:
    return 1 - values / rows if rows else 0.0


def _judge(column: ColumnDrift, comparisons: Mapping[str, Comparison]) -> ColumnDrift:
    if column.verdict is not Verdict.STABLE:
        return column
    comparison = comparisons[column.column]
    verdict = Verdict.DRIFTED if comparison.drifted else Verdict.STABLE
    return replace(column, verdict=verdict, comparison=comparison)
