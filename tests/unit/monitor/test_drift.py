"""What can be compared, and what the comparison means."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.monitor.domain.drift import (
    Comparison,
    DriftBounds,
    Outcome,
    Verdict,
    comparable,
    conclude,
    find_outcome,
    screen,
)

BOUNDS = DriftBounds(minimum_rows=3, drifted_share=0.5)
NAN = float("nan")


def compared(*, drifted: bool) -> Comparison:
    """Return what a method said."""
    return Comparison("K-S p_value", 0.01 if drifted else 0.9, 0.05, drifted)


def test_columns_that_cannot_be_compared_are_told_apart() -> None:
    """Empty and nearly empty columns never reach the method, and keep their missing shares."""
    current = pl.DataFrame({"full": [1.0, 2, 3, 4], "few": [1.0, None, NAN, 2], "none": [None, None, NAN, None]})
    reference = pl.DataFrame({"full": [1.0, 2, 3, 4], "few": [1.0, 2, 3, 4], "none": [1.0, 2, 3, None]})

    columns = screen(current, reference.cast(pl.Float64), BOUNDS)

    assert [column.verdict for column in columns] == [Verdict.STABLE, Verdict.TOO_FEW, Verdict.EMPTY]
    assert [column.current_missing_share for column in columns] == [0.0, 0.5, 1.0]
    assert [column.reference_missing_share for column in columns] == [0.0, 0.0, 0.25]
    assert comparable(columns) == ["full"]


def test_an_empty_column_is_never_compared_however_low_the_bound() -> None:
    """The methods abort on it."""
    table = pl.DataFrame({"none": [None, None], "one": [1.0, None]}, schema={"none": pl.Float64, "one": pl.Float64})

    columns = screen(table, table, DriftBounds(minimum_rows=0))

    assert comparable(columns) == ["one"]


def test_a_window_without_rows_is_screened_too() -> None:
    """The first report may come before the first prediction."""
    reference = pl.DataFrame({"full": [1.0, 2, 3, 4]})

    columns = screen(reference.clear(), reference, BOUNDS)

    assert columns[0].verdict is Verdict.EMPTY
    assert find_outcome(0, columns, BOUNDS) is Outcome.WINDOW_TOO_SMALL


@pytest.mark.parametrize(
    ("rows", "values", "outcome"),
    [(2, [1.0, 2.0], Outcome.WINDOW_TOO_SMALL), (3, [None] * 3, Outcome.NO_COLUMNS), (3, [1.0] * 3, Outcome.COMPARED)],
)
def test_the_outcome_says_why_nothing_was_compared(rows: int, values: list[float | None], outcome: Outcome) -> None:
    """A small window comes before empty columns: more rows may fill those."""
    reference = pl.DataFrame({"a": [1.0, 2, 3]})
    columns = screen(pl.DataFrame({"a": values}, schema={"a": pl.Float64}), reference, BOUNDS)

    assert find_outcome(rows, columns, BOUNDS) is outcome


@given(flags=st.lists(st.booleans(), min_size=1, max_size=12), bound=st.floats(0.01, 1.0))
def test_the_data_drifts_when_enough_columns_do(flags: list[bool], bound: float) -> None:
    """The share is that of compared columns, and reaching the bound is enough."""
    names = [f"c{place}" for place in range(len(flags))]
    table = pl.DataFrame({**{name: [1.0, 2, 3] for name in names}, "empty": [None] * 3}, strict=False)
    bounds = DriftBounds(3, bound)
    columns = screen(table.cast(pl.Float64), table.cast(pl.Float64), bounds)
    comparisons = {name: compared(drifted=flag) for name, flag in zip(names, flags, strict=True)}

    result = conclude(columns, comparisons, current_rows=3, reference_rows=3, bounds=bounds)

    assert result.drifted_share == pytest.approx(sum(flags) / len(flags))
    assert result.drifted is (sum(flags) / len(flags) >= bound)
    assert [column.verdict is Verdict.DRIFTED for column in result.columns[:-1]] == flags
    assert result.columns[-1].comparison is None


def test_nothing_is_concluded_where_nothing_was_compared() -> None:
    """Absence of an answer is not the answer no."""
    table = pl.DataFrame({"a": [1.0, 2.0]})

    result = conclude(screen(table, table, BOUNDS), {}, current_rows=2, reference_rows=2, bounds=BOUNDS)

    assert (result.outcome, result.drifted, result.drifted_share) == (Outcome.WINDOW_TOO_SMALL, None, None)
