"""What counts as a difference: anything but the same bits, or for another kernel more than 1e-12."""

import math

from services.scorer.domain.differences import (
    Difference,
    differing,
    differing_contributions,
    differing_lists,
    differing_nearly,
)


def test_only_the_same_bits_are_equal() -> None:
    """A zero with another sign differs, NaN equals itself, and the next float64 is another number."""
    assert list(differing("margin", 0.1, 0.1)) == []
    assert list(differing("margin", math.nan, math.nan)) == []
    assert list(differing("margin", 0.0, -0.0)) == [Difference("margin", 0.0, -0.0)]
    above = math.nextafter(0.1, 1.0)
    assert list(differing("margin", 0.1, above)) == [Difference("margin", 0.1, above)]


def test_lists_are_compared_place_by_place() -> None:
    """Each place that differs is named; what a shorter list lacks is None."""
    found = list(differing_lists("codes", ["a", "b"], ["a", "c", "d"]))

    assert found == [Difference("codes[1]", "b", "c"), Difference("codes[2]", None, "d")]


def test_contributions_of_two_kernels_may_lie_a_little_apart_and_stand_in_another_order() -> None:
    """They are compared feature by feature; one that is left out is zero."""
    stored, computed = {2: 0.5, 0: -0.25, 1: 1e-13}, {0: -0.25 + 5e-13, 2: 0.5 + 2e-12}

    found = list(differing_contributions(stored, computed, names={0: "A", 1: "B", 2: "C"}, whole=True))

    assert found == [Difference('reason_contributions["C"]', 0.5, 0.5 + 2e-12)]


def test_of_principal_reasons_alone_only_what_is_stored_is_compared() -> None:
    """What was not sent was not stored."""
    assert not list(differing_contributions({0: 0.5}, {0: 0.5, 1: 0.25}, names={0: "A", 1: "B"}, whole=False))
    assert list(differing_contributions({0: 0.5}, {0: 0.5, 1: 0.25}, names={0: "A", 1: "B"}, whole=True))


def test_what_is_not_a_number_is_never_near() -> None:
    """NaN compares as false with everything."""
    assert list(differing_nearly("baseline", 0.1, 0.1 + 1e-13)) == []
    assert list(differing_nearly("baseline", 0.1, math.nan))
