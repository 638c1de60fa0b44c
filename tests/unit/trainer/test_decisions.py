"""What a threshold means is counted, and agrees with the metrics of a training and with scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, precision_score, recall_score

from services.trainer.domain.decisions import best_point, decision_metrics, operating_points
from services.trainer.domain.scored import Scored
from services.trainer.domain.threshold import Costs, cost_at

_PROBABILITY = st.sampled_from([0.05, 0.2, 0.35, 0.5, 0.9]) | st.floats(0.01, 0.99)
_APPLICANTS = st.lists(
    st.tuples(st.integers(0, 1), _PROBABILITY, st.integers(1, 900_000)), min_size=2, max_size=40
).filter(lambda applicants: len({applicant[0] for applicant in applicants}) == 2)
_COSTS = Costs(0.5, 0.125, "AMT_CREDIT", "AMT_CREDIT")


def _scored(applicants: list[tuple[int, float, int]]) -> Scored:
    targets, probabilities, amounts = zip(*applicants, strict=True)
    return Scored(np.array(targets, dtype=np.int8), np.array(probabilities), np.array(amounts, dtype=np.float64))


def test_a_small_table_worked_out_by_hand() -> None:
    """At 0.4 a default of 100 is approved beside a good applicant, one default and one good one are refused."""
    scored = _scored([(1, 0.1, 100), (0, 0.2, 10), (0, 0.6, 40), (1, 0.9, 1000)])

    point, everyone, nobody = operating_points(scored, [0.4, 0.05, 0.95], _COSTS)

    assert (point.cost, point.approval_rate, point.bad_rate, point.recall) == ((50.0 + 5.0) / 4, 0.5, 0.5, 0.5)
    assert (everyone.approval_rate, everyone.bad_rate, everyone.recall) == (0.0, 0.0, 1.0)
    assert (nobody.approval_rate, nobody.bad_rate, nobody.recall) == (1.0, 0.5, 0.0)


@given(_APPLICANTS, st.lists(_PROBABILITY, min_size=1, max_size=9))
def test_each_threshold_is_counted_as_if_it_were_alone(
    applicants: list[tuple[int, float, int]], thresholds: list[float]
) -> None:
    """Sorted once for all, at ties as between them; the order of the thresholds is the caller's."""
    scored = _scored(applicants)

    points = operating_points(scored, thresholds, _COSTS)

    assert [point.threshold for point in points] == thresholds
    for point in points:
        metrics = decision_metrics(scored, point.threshold, _COSTS)
        assert (point.cost, point.recall) == pytest.approx((metrics["business_cost"], metrics["recall"]))
        assert (point.approval_rate, point.bad_rate) == pytest.approx((metrics["approval_rate"], metrics["bad_rate"]))


@given(_APPLICANTS)
def test_no_threshold_of_hundredths_costs_less_than_the_best(applicants: list[tuple[int, float, int]]) -> None:
    """It is the best of all cuts, not of a grid; its cost is the one that the tuning has."""
    scored = _scored(applicants)

    best = best_point(scored, _COSTS)

    grid = operating_points(scored, [hundredth / 100 for hundredth in range(1, 100)], _COSTS)
    assert all(best.cost <= point.cost for point in grid)
    assert best.cost == cost_at(scored.targets, scored.probabilities, best.threshold, _COSTS, scored.amounts)


@settings(max_examples=40, deadline=None)
@given(_APPLICANTS, _PROBABILITY)
def test_metrics_of_decisions_are_those_that_scikit_learn_gives(
    applicants: list[tuple[int, float, int]], threshold: float
) -> None:
    """Counted from four numbers, so that the server needs no scikit-learn for them."""
    scored = _scored(applicants)
    targets, refused = scored.targets, (scored.probabilities >= threshold).astype(np.int8)

    metrics = decision_metrics(scored, threshold, Costs())

    assert metrics["accuracy"] == pytest.approx(accuracy_score(targets, refused))
    assert metrics["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(targets, refused))
    assert metrics["precision"] == pytest.approx(precision_score(targets, refused, zero_division=0))
    assert metrics["recall"] == pytest.approx(recall_score(targets, refused))
    assert metrics["f1"] == pytest.approx(f1_score(targets, refused, zero_division=0))
    assert all(type(value) is float for value in metrics.values())
