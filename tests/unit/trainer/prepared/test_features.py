"""Columns become features whose meaning can be told; what has none is refused by name."""

import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.trainer.domain.prepared.features import EncodedTable, encode_table
from services.trainer.domain.prepared.wording import identity
from services.trainer.domain.sources import Bounds, PreparedTable
from tests.unit.trainer.prepared.refused import refusal

Cell = str | float | bool | None

_LEVELS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=6)


def _encode(
    columns: dict[str, list[Cell]],
    *,
    texts: dict[str, str] | None = None,
    bounds: dict[str, Bounds] | None = None,
    inferred: bool = True,
) -> EncodedTable:
    rows = max(len(cells) for cells in columns.values())
    table = pl.DataFrame({"id": [str(row) for row in range(rows)], **columns, "bad": ["0"] * rows}, strict=False)
    return encode_table(table, PreparedTable("t", "id", "bad", "", texts or {}, bounds or {}), inferred=inferred)


def test_numbers_booleans_and_levels_become_numbers() -> None:
    """In the order of the columns, levels sorted; a missing text is none of the levels, a missing number stays so."""
    made = _encode({"b": ["x", None, "a"], "n": ["1", "", "2.5"], "f": ["true", "false", ""]})

    assert made.frame.to_dict(as_series=False) == {
        "b_a": [0.0, 0.0, 1.0],
        "b_x": [1.0, 0.0, 0.0],
        "n": [1.0, None, 2.5],
        "f": [1.0, 0.0, None],
    }
    assert [(feature.name, feature.kind, feature.group, feature.level) for feature in made.features] == [
        ("b_a", "one_hot", "b", "a"),
        ("b_x", "one_hot", "b", "x"),
        ("n", "numeric", "", ""),
        ("f", "binary", "f", ""),
    ]
    assert made.levels == {"b": ("a", "x")}
    assert made.features[3].codes == {"false": 0.0, "true": 1.0}


def test_a_feature_says_what_it_is_made_of_and_why_it_counts() -> None:
    """With the lender's words where there are some, else with the column's name in words."""
    made = _encode(
        {"loan.amount_eur": ["1", "2"], "job": ["clerk, retired", "none"], "age": ["20", "30"]},
        texts={"job": "occupation", "age": " Age in years "},
        bounds={"age": Bounds(18.0, None)},
    )

    amount, clerk, other, age = made.features
    assert (amount.reason_text, amount.sources) == ("Loan amount eur", ("prepared.loan.amount_eur",))
    assert (clerk.reason_text, other.reason_text) == ("Occupation: clerk, retired", "Occupation: none")
    assert (age.reason_text, age.reason_code) == ("Age in years", "AGE")
    assert (age.lower_bound, age.upper_bound) == (18.0, None)
    assert (amount.lower_bound, amount.unit) == (None, "")


@given(st.lists(_LEVELS, unique_by=identity, min_size=1, max_size=12))
def test_codes_of_features_that_are_told_apart_are_told_apart(levels: list[Cell]) -> None:
    """A letter of refusal names codes; levels such as "< 5" and ">= 5" differ in signs alone."""
    made = _encode({"c": levels}, inferred=False)

    codes = [feature.reason_code for feature in made.features]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[A-Z0-9]+(_[A-Z0-9]+)*", code) and len(code) <= 60 for code in codes), codes


@pytest.mark.parametrize(
    ("columns", "fields"),
    [
        ({"a": ["b_c", "x"], "a_b": ["c", "y"]}, ['prepared.columns["a_b"]']),
        ({"a": ["b", "x"], "a_b": ["1", "2"]}, ['prepared.columns["a_b"]']),
        ({"a": ["b", "x"], "a_b": ["c", "y"]}, ['prepared.columns["a"]']),
        ({"Age": ["1"], "age": ["2"]}, ['prepared.columns["age"]']),
        ({"answer": ["Yes", "yes", "no"]}, ['prepared.columns["answer"]']),
        ({"free time": ["1"], "free_time": ["2"]}, ['prepared.columns["free_time"]']),
    ],
)
def test_features_that_could_be_taken_for_one_another_are_refused(
    columns: dict[str, list[Cell]], fields: list[str]
) -> None:
    """By name or by code, and a table of predictions keeps no two columns that differ in case alone."""
    assert refusal(lambda: _encode(columns)) == ("EQUAL_FEATURE_NAMES", fields)


@pytest.mark.parametrize("name", ["probability", "Purpose", "target", "applicant_id"])
def test_a_number_named_like_a_column_beside_it_is_refused(name: str) -> None:
    """Of a text column the features carry levels in their names, so there it does no harm."""
    assert refusal(lambda: _encode({name: ["1", "2"]})) == ("RESERVED_NAME", [f'prepared.columns["{name}"]'])
    assert _encode({name: ["car", "tv"]}).features[0].name == f"{name}_car"


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["2026-01-31", "2026-02-01"], "COLUMN_TYPE"),
        (["2026-01-31 10:00:00", None], "COLUMN_TYPE"),
        (["31.1.2026", "1.2.2026"], "COLUMN_TYPE"),
        (["1/31/26"], "COLUMN_TYPE"),
        ([f"level {row}" for row in range(201)], "TOO_MANY_LEVELS"),
        ([*map(str, range(100)), "n/k"], "COLUMN_TYPE"),
        (["x" * 201, "y"], "LEVEL_TOO_LONG"),
        (["1", "inf"], "VALUE_INFINITE"),
    ],
)
def test_a_column_that_is_no_feature_is_refused(cells: list[Cell], reason: str) -> None:
    """Dates, free text, numbers spoilt by a word, infinity."""
    assert refusal(lambda: _encode({"c": cells, "d": cells})) == (
        reason,
        ['prepared.columns["c"]', 'prepared.columns["d"]'],
    )


def test_a_word_among_numbers_is_told_by_its_row() -> None:
    """It is most likely a slip, and a thousand levels would hide it."""
    with pytest.raises(Exception, match="holds numbers but for 2 value\\(s\\), the first in data row 41;"):
        _encode({"c": [*map(str, range(40)), "4o", None, "5o"]})


@pytest.mark.parametrize("cells", [["0", "1", "2", "3+"] * 20, ["a 1", "b 2"], ["1-2-3"]])
def test_texts_that_only_look_like_something_else_are_levels(cells: list[Cell]) -> None:
    """Few levels with a word among them are how lenders write ranges."""
    assert {feature.kind for feature in _encode({"c": cells}).features} == {"one_hot"}


@pytest.mark.parametrize(
    ("cells", "bounds", "outside"),
    [
        ([17.0, 18.0, 99.0, 100.0], Bounds(18.0, 99.0), 2),
        ([17.0, None], Bounds(18.0, None), 1),
        ([0.5], Bounds(None, 0.0), 1),
    ],
)
def test_values_outside_the_declared_bounds_are_counted_and_refused(
    cells: list[Cell], bounds: Bounds, outside: int
) -> None:
    """What is declared impossible is a mistake in the table or in the bounds; either is to be mended first."""
    with pytest.raises(Exception, match=f"{outside} value\\(s\\) lie outside"):
        _encode({"c": cells}, bounds={"c": bounds}, inferred=False)


def test_values_at_the_bounds_and_missing_ones_pass() -> None:
    """The bounds themselves are allowed."""
    assert _encode({"c": [1.0, 2.0, None]}, bounds={"c": Bounds(1.0, 2.0)}, inferred=False).frame["c"].null_count() == 1


@pytest.mark.parametrize("cells", [["a", "b"], ["true", "false"]])
def test_only_numbers_have_bounds(cells: list[Cell]) -> None:
    """Nobody can say what is below a text."""
    assert refusal(lambda: _encode({"c": cells}, bounds={"c": Bounds(0.0, 1.0)})) == (
        "COLUMN_TYPE",
        ['prepared.bounds["c"]'],
    )
