"""The texts of reasons."""

import math

import pytest

from shared.bundle.schema import Feature
from shared.bundle.wording import worded


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
