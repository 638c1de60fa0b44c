"""Groups beside each other: who is approved less, and about whom the model is wrong more often."""

from dataclasses import replace

import numpy as np
import pytest

from services.monitor.domain.groups import compare_groups
from services.monitor.domain.measuring import measure
from services.monitor.domain.performance import Slice
from tests.unit.monitor.decisions import calibrated, decided


def group(label: str, *, rows: int, approved: int, labels: float = 0.0) -> Slice:
    """Return a group of whom so many were approved and all had one outcome."""
    probabilities = np.where(np.arange(rows) < approved, 0.05, 0.2)
    return Slice(label, measure(decided(probabilities, np.full(rows, labels)), 20))


def test_the_ratio_is_of_the_least_approved_to_the_most() -> None:
    """Whichever is the reference; those who are not known are no group."""
    groups = [
        group("A", rows=100, approved=80),
        group("B", rows=50, approved=30),
        group("missing", rows=90, approved=1),
    ]

    largest, named = compare_groups(groups), compare_groups(groups, "B")

    assert largest is not None
    assert named is not None
    assert (largest.reference, named.reference) == ("A", "B")
    assert (largest.least_approved, largest.most_approved) == ("B", "A")
    assert largest.impact_ratio == named.impact_ratio == pytest.approx(0.6 / 0.8)
    assert [each.approval_ratio for each in largest.groups] == [1.0, pytest.approx(0.75)]
    assert [each.approval_rate for each in named.groups] == [pytest.approx(0.2), 0.0]


def test_differences_are_of_what_happened() -> None:
    """Of a group without defaults there is no recall, and so no difference."""
    window = calibrated(4_000, seed=31)
    first = Slice("first", measure(window, 20))
    second = group("second", rows=100, approved=90)

    comparison = compare_groups([first, second])

    assert comparison is not None
    own, other = comparison.groups
    realised = first.measured.realised
    assert realised is not None
    assert realised.confusion.false_positive_rate is not None
    assert (own.recall, own.false_positive_rate, own.calibration_error) == (0.0, 0.0, 0.0)
    assert other.recall is None
    assert other.false_positive_rate == pytest.approx(0.1 - realised.confusion.false_positive_rate)


def test_small_groups_are_not_compared() -> None:
    """Nor is one alone, and a reference that is too small gives way to the largest."""
    large, small = group("large", rows=100, approved=50), group("small", rows=19, approved=0)
    unlabelled = replace(large, label="unlabelled", measured=replace(large.measured, realised=None))

    comparison = compare_groups([large, unlabelled, small], "small")

    assert compare_groups([large, small]) is None
    assert comparison is not None
    assert comparison.reference == "large"
    assert [each.calibration_error for each in comparison.groups] == [0.0, None]


def test_where_nobody_is_approved_there_is_no_ratio() -> None:
    """Nothing is divided by zero."""
    comparison = compare_groups([group("A", rows=50, approved=0), group("B", rows=50, approved=0)])

    assert comparison is not None
    assert comparison.impact_ratio is None
    assert [each.approval_ratio for each in comparison.groups] == [None, None]
