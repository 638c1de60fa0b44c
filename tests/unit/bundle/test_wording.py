"""The texts of reasons."""

import math

import pytest

from shared.bundle.schema import Feature
from shared.bundle.wording import worded, worded_again


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "Housing: rent: free"), (0.0, 'Housing: not "rent: free"'), (math.nan, 'Housing: not "rent: free"')],
)
def test_a_level_that_the_applicant_does_not_have_is_worded_so(value: float, text: str) -> None:
    """Who owns a house and is refused for it must not read that they rent one."""
    rent = Feature("h_rent: free", "one_hot", "t", (), "h", "rent: free", reason_text="Housing: rent: free")

    assert worded(rent, value) == text


def test_texts_of_other_features_and_of_other_form_stay_as_they_are() -> None:
    """A number has no level, and a text that does not end in the level cannot be turned round."""
    number = Feature("AGE", "numeric", "t", (), reason_text="Age")
    other = Feature("h_rent", "one_hot", "t", (), "h", "rent", reason_text="Rents a house")

    assert (worded(number, 0.0), worded(other, 0.0)) == ("Age", "Rents a house")


def test_a_reason_that_many_features_count_to_has_one_text() -> None:
    """Whichever of them weighs most, whatever its value."""
    score = Feature(
        "EXT_1", "numeric", "t", (), principal_code="SCORES", principal_text="Scores", reason_text="Score 1"
    )
    level = Feature("h_rent", "one_hot", "t", (), "h", "rent", principal_code="SCORES", principal_text="Scores")

    assert (worded(score, 0.3), worded(level, 0.0)) == ("Scores", "Scores")


def test_a_logged_reason_is_worded_as_it_was_told() -> None:
    """By the heaviest feature of its code that raised the risk; not at all where its input is gone."""
    rent, own = (
        Feature(f"h_{level}", "one_hot", "t", (), "h", level, reason_text=f"Housing: {level}", principal_code="HOUSING")
        for level in ("rent", "own")
    )
    age = Feature("AGE", "numeric", "t", (), reason_code="AGE", reason_text="Age")
    logged = [(0, -0.9), (1, 0.5), (2, 0.4), (0, 0.0)]

    told = list(worded_again(["HOUSING", "AGE", "LATER"], logged, [rent, own, age], [1.0, 0.0, 40.0]))
    erased = list(worded_again(["HOUSING", "AGE"], logged, [rent, own, age], []))

    assert told == ['Housing: not "own"', "Age", ""]
    assert erased == ["", ""]
