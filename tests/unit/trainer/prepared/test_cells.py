"""What a cell is does not depend on the format that its table came in."""

import datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.trainer.domain.prepared.cells import is_identifier, kind_of, typed
from shared.tables.sources import MISSING_TEXTS

_NUMBERS = st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=1)


@given(_NUMBERS)
def test_numbers_are_the_same_from_csv_and_parquet(numbers: list[float | None]) -> None:
    """To the last bit; an empty cell is missing in both."""
    stored = pl.Series("x", numbers, dtype=pl.Float64)
    written = pl.Series("x", [None if number is None else repr(number) for number in numbers], dtype=pl.String)

    assert typed(written, inferred=True).equals(typed(stored, inferred=False))


@pytest.mark.parametrize("text", MISSING_TEXTS)
def test_what_pandas_takes_for_missing_is_missing(text: str) -> None:
    """Also with spaces around it."""
    cells = pl.Series("x", [text, f" {text} ", "1"])

    assert typed(cells, inferred=True).to_list() == [None, None, 1.0]
    assert typed(cells, inferred=False).to_list() == [None, None, "1"]


def test_not_a_number_is_missing_and_infinity_is_not() -> None:
    """The one says nothing, the other says something wrong."""
    assert typed(pl.Series("x", [float("nan"), float("inf")]), inferred=False).to_list() == [None, float("inf")]


@pytest.mark.parametrize("cells", [["true", None, "false"], ["True", "", "FALSE"], [True, None, False]])
def test_true_and_false_are_booleans_however_they_are_written(cells: list[str | bool | None]) -> None:
    """R, pandas and SQL write them differently."""
    column = pl.Series("x", cells)

    assert typed(column, inferred=True).to_list() == [True, None, False]


def test_one_other_text_makes_a_column_text() -> None:
    """Its levels stay as they are written, spaces included."""
    assert typed(pl.Series("x", ["1", " 2", "3+"]), inferred=True).to_list() == ["1", " 2", "3+"]
    assert typed(pl.Series("x", ["true", "maybe"]), inferred=True).to_list() == ["true", "maybe"]


def test_text_that_is_stored_as_such_stays_text() -> None:
    """A Parquet file's codes are no numbers."""
    assert typed(pl.Series("x", ["01", "02"]), inferred=False).to_list() == ["01", "02"]
    assert typed(pl.Series("x", ["b", "a"], dtype=pl.Categorical), inferred=False).to_list() == ["b", "a"]


@pytest.mark.parametrize("inferred", [True, False])
def test_a_column_without_any_value_is_one_of_numbers(inferred: bool) -> None:
    """Cleaning then reports it as empty, rather than that it vanishes."""
    for cells in (pl.Series("x", ["", None], dtype=pl.String), pl.Series("x", [None, None], dtype=pl.Null)):
        assert typed(cells, inferred=inferred).dtype == pl.Float64


@pytest.mark.parametrize(
    ("value", "kind", "identifies"),
    [
        (1, "number", True),
        (1.5, "number", False),
        ("a", "text", True),
        (True, "boolean", False),
        (datetime.date(2026, 1, 1), None, False),
        (datetime.timedelta(days=1), None, False),
        (b"a", None, False),
        ([1], None, False),
    ],
)
def test_each_stored_type_is_one_kind_or_none(value: object, kind: str | None, identifies: bool) -> None:
    """Dates and nested values are none, since their meaning would be a guess."""
    dtype = pl.Series("x", [value]).dtype

    assert (kind_of(dtype), is_identifier(dtype)) == (kind, identifies)
