"""Rows to look at: bounded, the same for the same seed, and typed as a data set would take them."""

from datetime import date
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.trainer.domain.rows import Rows, RowsUsed, chosen_columns, first_rows, random_rows, spread_rows
from shared.errors import InvalidInput


def _rows(count: int, *, truncated: bool = False) -> Rows:
    frame = pl.DataFrame({"number": range(count), "text": [f"t{place}" for place in range(count)]})
    return Rows(frame.lazy(), count, ("number", "text"), truncated=truncated)


def _typed(values: list[object], *, inferred: bool = False) -> pl.Series:
    frame = pl.DataFrame({"column": values}, strict=False).lazy()
    return first_rows(Rows(frame, len(values), ("column",), inferred=inferred), ["column"], 99).frame["column"]


@given(st.integers(0, 30), st.integers(1, 40))
def test_the_first_rows_are_those_that_are_stored_first(total: int, count: int) -> None:
    """As many as there are, where fewer are there than were asked for."""
    looked = first_rows(_rows(total), ["number"], count)

    assert looked.frame["number"].to_list() == list(range(min(total, count)))
    assert looked.used == RowsUsed(total, min(total, count), truncated=False)


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(1, 40), st.integers(0, 2**40))
def test_random_rows_are_different_rows_in_stored_order(total: int, count: int, seed: int) -> None:
    """The same seed draws the same, and every row belongs to itself alone."""
    looked = random_rows(_rows(total), ["number", "text"], count, seed)

    numbers = looked.frame["number"].to_list()
    assert len(set(numbers)) == len(numbers) == min(total, count)
    assert numbers == sorted(numbers)
    assert looked.frame["text"].to_list() == [f"t{int(number)}" for number in numbers]
    assert random_rows(_rows(total), ["number", "text"], count, seed).frame.equals(looked.frame)


def test_random_rows_come_from_the_whole_table_and_depend_on_the_seed() -> None:
    """Not only from its beginning."""
    drawn = [random_rows(_rows(10_000), ["number"], 50, seed).frame["number"] for seed in (0, 1)]

    spans = [(numbers.to_list()[0], numbers.to_list()[-1]) for numbers in drawn]
    assert all(first < 2_000 for first, _ in spans)
    assert all(last > 8_000 for _, last in spans)
    assert drawn[0].to_list() != drawn[1].to_list()


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(1, 60), st.integers(0, 2**40))
def test_spread_rows_are_all_or_evenly_spread_and_never_too_many(total: int, most: int, seed: int) -> None:
    """Every n-th row, so that a table in order of time is not judged by its first years."""
    looked = spread_rows(_rows(total), ["number"], most, seed)

    numbers = [int(number) for number in looked.frame["number"]]
    assert len(numbers) <= most
    assert looked.used == RowsUsed(total, len(numbers), truncated=False)
    if total <= most:
        assert numbers == list(range(total))
    elif len(numbers) > 1:
        assert len({later - earlier for earlier, later in pairwise(numbers)}) == 1


def test_a_file_that_was_cut_off_says_so() -> None:
    """The figures are then about its beginning."""
    assert first_rows(_rows(5, truncated=True), ["number"], 1).used == RowsUsed(5, 1, truncated=True)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, None, 3], [1.0, None, 3.0]),
        ([1.5, float("nan")], [1.5, None]),
        ([True, False, None], [1.0, 0.0, None]),
        ([None, None], [None, None]),
        (["a", "", "NA", "nan"], ["a", None, None, None]),
        (["1", "2"], ["1", "2"]),
        ([date(2026, 1, 31)], ["2026-01-31"]),
    ],
)
def test_stored_values_become_numbers_or_text(values: list[object], expected: list[object]) -> None:
    """Missing is null, whatever it was called; text that looks like a number stays text where the file knows types."""
    assert _typed(values).to_list() == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [(["1", "-2.5e3", None], [1.0, -2500.0, None]), (["1", "two"], ["1", "two"]), (["true"], ["true"])],
)
def test_text_of_a_csv_file_is_numeric_if_all_of_it_is(values: list[object], expected: list[object]) -> None:
    """One word among the numbers makes it text, and no value is lost."""
    assert _typed(values, inferred=True).to_list() == expected


def test_an_applicant_may_have_the_name_of_a_missing_value() -> None:
    """In a split the identifiers are text and nothing else."""
    frame = pl.DataFrame({"id": ["NA", "1"]}).lazy()

    looked = first_rows(Rows(frame, 2, (), missing_texts=()), ["id"], 2)

    assert looked.frame["id"].to_list() == ["NA", "1"]


def test_columns_are_shown_as_asked_and_all_where_none_is_named() -> None:
    """The order is the caller's."""
    assert chosen_columns(_rows(1), ["text", "number"], field="columns") == ("text", "number")
    assert chosen_columns(_rows(1), [], field="columns") == ("number", "text")


@pytest.mark.parametrize(
    ("wanted", "field", "reason"),
    [(["number", "absent"], "columns[1]", "COLUMN_UNKNOWN"), (["text", "text"], "columns[1]", "COLUMN_REPEATED")],
)
def test_a_column_that_cannot_be_shown_is_refused_by_its_place(wanted: list[str], field: str, reason: str) -> None:
    """The error repeats nothing of what the caller sent."""
    with pytest.raises(InvalidInput) as refusal:
        chosen_columns(_rows(1), wanted, field="columns")

    assert refusal.value.reason == reason
    assert [violation.field for violation in refusal.value.violations] == [field]
