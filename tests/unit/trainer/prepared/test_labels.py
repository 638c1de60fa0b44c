"""Each row is about one applicant whose outcome is known or not, and never guessed."""

import polars as pl
import pytest

from services.trainer.domain.prepared.labels import LONGEST_IDENTIFIER, applicants, targets
from services.trainer.domain.sources import PreparedTable
from tests.unit.trainer.prepared.refused import refusal

Cell = str | float | bool | None


def _source(positive: str = "") -> PreparedTable:
    return PreparedTable("t.csv", "id", "outcome", positive)


def _targets(cells: list[Cell], positive: str = "") -> list[int | None]:
    found: list[int | None] = targets(pl.DataFrame({"outcome": cells}), _source(positive)).to_list()
    return found


@pytest.mark.parametrize(
    ("cells", "positive"),
    [
        ([1, 0, None], ""),
        ([1.0, 0.0, float("nan")], ""),
        ([True, False, None], ""),
        (["1", "0", ""], ""),
        (["1.0", "0.0", "NA"], ""),
        (["TRUE", "false", None], ""),
        (["bad", "good", ""], "bad"),
        ([2, 1, None], "2"),
        (["2", "1", None], "2.0"),
        ([0, 1, None], "0"),
        ([False, True, None], "false"),
        (["Charged Off", "Fully, Paid", " nan "], "Charged Off"),
    ],
)
def test_the_outcome_is_read_as_it_is_meant(cells: list[Cell], positive: str) -> None:
    """Default, none, and not known yet, however the lender writes them."""
    assert _targets(cells, positive) == [1, 0, None]


@pytest.mark.parametrize(
    ("cells", "positive", "reason", "field"),
    [
        (["good", "bad"], "", "TARGET_INVALID", "prepared.target_column"),
        ([0, 1, 2], "", "TARGET_INVALID", "prepared.target_column"),
        ([0.0, 0.5], "", "TARGET_INVALID", "prepared.target_column"),
        ([0.0, float("inf")], "", "TARGET_INVALID", "prepared.target_column"),
        (["good", "bad", "ugly"], "bad", "TARGET_INVALID", "prepared.target_column"),
        (["good", "bad"], "Bad", "TARGET_INVALID", "prepared.positive"),
        ([1, 2], "two", "TARGET_INVALID", "prepared.positive"),
        ([True, False], "1", "TARGET_INVALID", "prepared.positive"),
        ([0, 0, None], "", "ONE_CLASS_TARGET", "prepared.target_column"),
        ([1, 1], "", "ONE_CLASS_TARGET", "prepared.target_column"),
        (["good", "good"], "bad", "ONE_CLASS_TARGET", "prepared.target_column"),
        (["bad", None], "bad", "ONE_CLASS_TARGET", "prepared.target_column"),
        ([None, None], "", "ONE_CLASS_TARGET", "prepared.target_column"),
    ],
)
def test_an_outcome_of_other_than_two_classes_is_refused(
    cells: list[Cell], positive: str, reason: str, field: str
) -> None:
    """Nothing could be learnt, or something that nobody meant."""
    assert refusal(lambda: _targets(cells, positive)) == (reason, [field])


@pytest.mark.parametrize("cells", [[7, 8], ["7", "8"], ["A/1", " b"], ["NA", "nan"]])
def test_identifiers_are_texts_as_they_stand(cells: list[int | str]) -> None:
    """An applicant may well be called NA."""
    found = applicants(pl.DataFrame({"id": cells}), _source())

    assert found.to_list() == [str(cell) for cell in cells]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["a", None, None], "KEY_MISSING"),
        (["a", "  ", ""], "KEY_MISSING"),
        ([1, None, 2], "KEY_MISSING"),
        (["a", "b", "a"], "DUPLICATE_KEY"),
        ([1, 1, 2], "DUPLICATE_KEY"),
        (["a", "x" * (LONGEST_IDENTIFIER + 1)], "KEY_TOO_LONG"),
    ],
)
def test_an_applicant_who_could_not_be_asked_for_is_refused(cells: list[int | str | None], reason: str) -> None:
    """A score by identifier must find one row."""
    table = pl.DataFrame({"id": cells})

    assert refusal(lambda: applicants(table, _source())) == (reason, ["prepared.id_column"])
