"""Distances and tests on matrices of counts, held against the textbook's formulas and against each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from services.monitor.domain import divergence

BINS = np.ones((1, 4), np.bool_)
BEFORE, NOW = np.array([[400, 300, 200, 100]]), np.array([[25, 25, 25, 25]])
COUNTS = st.lists(st.integers(0, 500), min_size=4, max_size=4)


def _shares(counts: np.ndarray) -> np.ndarray:
    return divergence.shares(counts, np.ones(counts.shape, np.bool_))


@settings(deadline=None)
@given(COUNTS, COUNTS)
def test_distances_are_those_of_the_books(left: list[int], right: list[int]) -> None:
    """And symmetric, never negative, and nothing between equal counts."""
    one, other = (_shares(np.array([counts])) for counts in (left, right))
    centres = np.array([[1.0, 2.0, 4.0, 8.0]])

    index, distance = divergence.stability_index(one, other)[0], divergence.jensen_shannon(one, other)[0]
    moved = divergence.wasserstein(one, other, centres)[0]

    assert index == pytest.approx(float(np.sum((one - other) * np.log(one / other))), abs=1e-12)
    assert index == pytest.approx(divergence.stability_index(other, one)[0], abs=1e-12)
    assert distance == pytest.approx(jensenshannon(one[0], other[0], base=2), abs=1e-7)
    deviation = np.sqrt(np.cov(centres[0], aweights=other[0], ddof=0))
    expected = stats.wasserstein_distance(centres[0], centres[0], one[0], other[0]) / deviation
    assert moved == pytest.approx(expected, abs=1e-9)
    assert divergence.stability_index(one, one)[0] == divergence.jensen_shannon(other, other)[0] == 0.0


def test_bins_that_a_variable_does_not_have_count_for_nothing() -> None:
    """Narrow variables stand in one matrix with wide ones."""
    narrow = divergence.shares(np.array([[3, 6, 0, 0]]), np.array([[True, True, False, False]]))

    assert narrow.tolist() == [[0.35, 0.65, 0.0, 0.0]]


def test_test_of_two_sides_is_pearsons() -> None:
    """Where no bin is rare."""
    expected = stats.chi2_contingency(np.vstack([NOW, BEFORE]), correction=False).pvalue

    assert divergence.homogeneity_p(NOW, BEFORE)[0] == pytest.approx(expected, rel=1e-9)


def test_rare_bins_are_tested_together() -> None:
    """One applicant of a level that training had once in 10,000 is no sure sign of anything."""
    before = np.array([[9_000, 997, 1, 2], [9_000, 1_000, 0, 0]])
    odd, many = np.array([[90, 9, 1, 0]] * 2), np.array([[70, 9, 21, 0]] * 2)

    assert (divergence.homogeneity_p(odd, before) > 0.05).all()
    assert (divergence.homogeneity_p(many, before) < 1e-3).all()


def test_where_too_few_bins_are_left_nothing_is_sure() -> None:
    """No rows, rows of a single bin, or so few rows that all of them are rare."""
    now = np.array([[0, 0, 0, 0], [50, 0, 0, 0], [0, 0, 0, 3]])
    before = np.array([[40, 30, 20, 10], [100, 0, 0, 0], [40, 30, 20, 10]])

    assert divergence.homogeneity_p(now, before).tolist() == [1.0, 1.0, 1.0]


def test_p_values_of_one_distribution_are_no_smaller_than_chance() -> None:
    """A hundredth of 4,000 windows at most falls below a hundredth, but for the error of counting."""
    random = np.random.default_rng(5)
    share = np.array([0.5, 0.3, 0.1, 0.06, 0.03, 0.008, 0.002])
    before = np.tile(random.multinomial(50_000, share), (4_000, 1))

    small = [
        float((divergence.homogeneity_p(random.multinomial(n, share, 4_000), before) <= 0.01).mean())
        for n in (50, 100, 500, 5_000)
    ]

    assert max(small) < 0.016


def test_test_of_shares_is_fishers() -> None:
    """Exact where counts are small, which is where missing values begin."""
    table = np.array([[3, 97], [1, 9_999]])
    expected = stats.fisher_exact(table, alternative="greater").pvalue

    p = divergence.share_p(np.array([3, 0]), np.array([100, 100]), np.array([1, 0]), np.array([10_000, 10_000]))

    assert p.tolist() == [pytest.approx(2 * expected, rel=1e-6), 1.0]


def test_values_beyond_the_range_are_as_likely_as_drawn_ones() -> None:
    """The largest of m values is beaten by chance: most often where m is small."""
    random = np.random.default_rng(6)
    n, m, windows = 300, 40, 4_000
    before, now = random.normal(size=(windows, m)), random.normal(size=(windows, n))
    low, high = before.min(axis=1, keepdims=True), before.max(axis=1, keepdims=True)
    outside = ((now < low) | (now > high)).sum(axis=1)

    p = divergence.range_p(outside, np.full(windows, n), np.full(windows, m))

    for level in (0.5, 0.1, 0.01):
        assert float((p <= level).mean()) <= level * 1.25 + 0.002
    assert float((p <= 0.5).mean()) > 0.4


def test_adjusted_p_values_are_those_of_benjamini_and_hochberg() -> None:
    """In the order in which they were given."""
    p_values = np.random.default_rng(7).uniform(size=40) ** 3

    assert divergence.adjust(p_values) == pytest.approx(stats.false_discovery_control(p_values))
