"""Figures of decisions: what can be worked out by hand, and estimates that what happens bears out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from services.monitor.domain.decided import Stakes
from services.monitor.domain.estimation import estimate, expected_area
from services.monitor.domain.measuring import measure
from services.monitor.domain.performance import Labelled
from services.monitor.domain.realised import realise
from tests.unit.monitor.decisions import calibrated, decided, outcomes

_CHANCES = st.lists(st.sampled_from([0.02, 0.1, 0.1000001, 0.4, 0.97]), min_size=2, max_size=20)


def test_a_small_window_worked_out_by_hand() -> None:
    """Refused at 0.5: one default, one repaid; approved: one default, two repaid; a sixth outcome is not known."""
    window = decided(np.array([0.9, 0.8, 0.4, 0.3, 0.2, 0.6]), np.array([1, 0, 1, 0, 0, np.nan]), threshold=0.5)

    measured = measure(window, minimum_rows=1)

    realised = measured.realised
    assert realised is not None
    assert (measured.rows, measured.approval_rate, measured.coverage) == (6, 0.5, 5 / 6)
    assert (realised.rows, realised.approved, realised.refused, realised.referred) == (5, 3, 2, 0)
    assert realised.auc == pytest.approx(5 / 6)
    assert realised.ks == pytest.approx(2 / 3)
    assert realised.gini == pytest.approx(2 / 3)
    assert realised.brier == pytest.approx((0.01 + 0.64 + 0.36 + 0.09 + 0.04) / 5)
    assert realised.cost == pytest.approx((10 + 1) / 5)
    assert realised.confusion.recall == 0.5
    assert realised.confusion.false_positive_rate == pytest.approx(1 / 3)
    assert realised.confusion.bad_rate == pytest.approx(1 / 3)


def test_estimates_worked_out_by_hand() -> None:
    """Two applicants: the area is the chance that the riskier one defaults, of all ways in which just one does."""
    window = decided(np.array([0.5, 0.2]), threshold=0.3)

    expected = estimate(window)

    assert expected.auc is not None
    assert expected.auc.value == pytest.approx(0.5 * 0.8 / (0.5 * 0.8 + 0.2 * 0.5))
    assert expected.cost is not None
    assert expected.cost.value == pytest.approx((10 * 0.2 + 1 * 0.5) / 2)
    assert expected.default_rate.value == pytest.approx(0.35)
    assert (expected.confusion.refused_defaulted, expected.confusion.approved_repaid) == (0.5, 0.8)


@given(chances=_CHANCES)
def test_the_expected_area_is_that_of_weighted_pairs(chances: list[float]) -> None:
    """Counted pair by pair, nobody with oneself; equal chances count half."""
    chance = np.array(chances)
    weights = np.outer(chance, 1 - chance) * (1 - np.eye(len(chance)))
    order = (chance[:, None] > chance) + 0.5 * (chance[:, None] == chance)

    found = expected_area(chance)

    assert found is not None
    assert found.value == pytest.approx((weights * order).sum() / weights.sum())
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_expected_area_is_what_a_large_weighted_sample_has() -> None:
    """scikit-learn's area where each applicant is a default with the chance, and a repaid loan with the rest of it."""
    chances = calibrated(20_000, seed=1).probabilities
    both = np.concatenate([np.ones_like(chances), np.zeros_like(chances)])
    weights = np.concatenate([chances, 1 - chances])

    found = expected_area(chances)

    assert found is not None
    weighted = roc_auc_score(both, np.tile(chances, 2), sample_weight=weights)
    assert found.value == pytest.approx(weighted, abs=1e-4)


def test_intervals_hold_what_happens_nineteen_times_in_twenty() -> None:
    """Outcomes drawn 300 times with the very probabilities; within what chance does to 300 draws."""
    window = calibrated(1_500, seed=2)
    expected = estimate(window)
    assert expected.auc is not None
    assert expected.cost is not None
    assert expected.bad_rate is not None

    estimates = (expected.auc, expected.cost, expected.bad_rate, expected.default_rate)
    lows, highs = (np.array([getattr(each, end) for each in estimates]) for end in ("low", "high"))

    inside = np.zeros(4)
    for seed in range(300):
        drawn = realise(replace(window, labels=outcomes(window.probabilities, seed)))
        found = np.array([drawn.auc, drawn.cost, drawn.confusion.bad_rate, drawn.default_rate])
        inside += (lows <= found) & (found <= highs)

    assert np.all(inside / 300 > 0.91)
    assert np.all(inside / 300 < 0.99)


def test_labels_change_no_estimate_and_selection_shows() -> None:
    """Outcomes of the approved alone: the estimate of the labelled is of those very applicants."""
    everybody = calibrated(5_000, seed=3)
    selected = replace(everybody, labels=np.where(everybody.approved, everybody.labels, np.nan))

    all_known, approved_known = measure(everybody, 100), measure(selected, 100)

    assert all_known.estimated == approved_known.estimated
    assert all_known.realised is not None
    assert all_known.realised.among is Labelled.ALL_DECISIONS
    assert approved_known.realised is not None
    assert approved_known.realised.among is Labelled.APPROVED_ONLY
    assert approved_known.estimated_labelled == estimate(everybody.take(everybody.approved))
    assert approved_known.realised.confusion.recall == 0.0


def test_a_small_group_has_no_figures() -> None:
    """Too few decisions: nothing; too few outcomes: nothing realised."""
    window = calibrated(150, seed=4)
    few_labels = replace(window, labels=np.where(np.arange(150) < 99, window.labels, np.nan))

    small, labelled = measure(window, 151), measure(few_labels, 100)

    assert small.withheld
    assert (small.rows, small.realised, small.estimated_labelled) == (150, None, None)
    assert labelled.estimated is not None
    assert (labelled.labelled, labelled.realised) == (99, None)
    assert measure(window.take(np.zeros(150, dtype=bool)), 1).approval_rate is None


def test_an_area_needs_both_outcomes() -> None:
    """Of applicants who all repaid nothing can be ranked; everything else can be told."""
    realised = realise(decided(np.array([0.05, 0.2]), np.array([0, 0])))

    assert (realised.auc, realised.gini, realised.ks) == (None, None, None)
    assert realised.confusion.recall is None
    assert realised.cost == pytest.approx(0.5)


def test_the_referred_and_unknown_stakes_cost_nothing_that_can_be_told() -> None:
    """Who was sent to a person was not decided by the model; a stake that is missing is not taken for 0."""
    window = decided(np.array([0.05, 0.05, 0.2, 0.2]), np.array([1, 1, 0, 0]))
    referred = replace(
        window, approved=np.array([True, True, False, False]), refused=np.array([False, False, True, False])
    )
    partly = replace(referred, missed=np.array([10, np.nan, 10, 10]))

    realised, expected = realise(partly), estimate(partly)

    assert realised.cost == pytest.approx(11 / 2)
    assert (realised.cost_rows, expected.cost_rows, realised.referred) == (2, 2, 1)
    assert expected.confusion.refused_repaid == pytest.approx(0.8)


def test_stakes_are_read_from_a_manifest() -> None:
    """Plain numbers, or a factor of what a feature says."""
    plain = Stakes.from_costs({"false_negative": 10.0, "false_positive": 1.0})
    shares = Stakes.from_costs(
        {"false_negative": 0.6, "false_positive": 0.1, "false_negative_column": "A", "false_positive_column": "A"}
    )

    assert (plain.missed, plain.lost, plain.features) == (10.0, 1.0, ())
    assert (shares.missed, shares.features) == (0.6, ("A",))
