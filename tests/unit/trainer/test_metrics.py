"""Metrics are those that can be worked out by hand, and mean what their names say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.trainer.domain.evaluation import (
    area_under_curve,
    evaluate,
    evaluate_most_frequent,
)
from services.trainer.domain.threshold import Costs
from shared.calibration import calibration_bins, expected_calibration_error

_APPLICANTS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.05, 0.2, 0.5, 0.5000001, 0.9])), min_size=2, max_size=30
).filter(lambda applicants: len({target for target, _ in applicants}) == 2)


def test_a_small_table_worked_out_by_hand() -> None:
    """Refused at 0.5: one default, one good; approved: one default, two good."""
    targets = np.array([1, 0, 1, 0, 0], dtype=np.int8)

    metrics = evaluate(targets, np.array([0.9, 0.8, 0.4, 0.3, 0.1]), threshold=0.5, costs=Costs(6.0, 2.0))

    assert metrics["ks"] == pytest.approx(2 / 3)
    assert metrics["average_precision"] == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert metrics["log_loss"] == pytest.approx(-np.log([0.9, 0.2, 0.4, 0.7, 0.9]).mean())
    assert metrics["accuracy"] == pytest.approx(3 / 5)
    assert metrics["balanced_accuracy"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert metrics["bad_rate"] == pytest.approx(1 / 3)
    assert metrics["f1"] == pytest.approx(2 * 1 / (2 * 1 + 1 + 1))
    assert metrics["business_cost"] == pytest.approx((6.0 + 2.0) / 5)


@settings(max_examples=60, deadline=None)
@given(_APPLICANTS)
def test_the_area_is_the_share_of_pairs_in_the_right_order(applicants: list[tuple[int, float]]) -> None:
    """Counted pair by pair, a tie being half of one."""
    targets = np.array([target for target, _ in applicants], dtype=np.int8)
    scores = np.array([score for _, score in applicants])
    differences = scores[targets == 1][:, None] - scores[targets == 0][None, :]

    area = area_under_curve(targets, scores)

    assert area == pytest.approx(((differences > 0) + 0.5 * (differences == 0)).mean())


@settings(max_examples=40, deadline=None)
@given(_APPLICANTS, st.floats(0.01, 0.99))
def test_every_metric_is_a_number_whoever_is_refused(applicants: list[tuple[int, float]], threshold: float) -> None:
    """Also where everyone is or nobody; a NaN could be stored neither in a job nor in a bundle."""
    targets = np.array([target for target, _ in applicants], dtype=np.int8)
    probabilities = np.array([probability for _, probability in applicants])

    metrics = evaluate(targets, probabilities, threshold=threshold, costs=Costs())

    assert all(np.isfinite(value) and type(value) is float for value in metrics.values())
    assert metrics["gini"] == pytest.approx(2 * metrics["auc"] - 1)
    assert metrics["approval_rate"] == pytest.approx((probabilities < threshold).mean())
    assert 0.0 <= metrics["ks"] <= 1.0


def test_the_calibration_error_of_ten_bins_worked_out_by_hand() -> None:
    """Ten bins of two: in nine the mean of 0.2 or so misses nobody's default, in the last one of two defaults."""
    probabilities = np.repeat(np.arange(0.05, 1.0, 0.1), 2)
    targets = np.array([0] * 18 + [1, 0], dtype=np.int8)

    error = expected_calibration_error(targets, probabilities)

    assert error == pytest.approx((sum(np.arange(0.05, 0.9, 0.1)) + abs(0.95 - 0.5)) / 10)
    assert calibration_bins(targets, probabilities).rows.tolist() == [2] * 10


@given(_APPLICANTS)
def test_bins_hold_everyone_once_whatever_ties_and_order(applicants: list[tuple[int, float]]) -> None:
    """Equal probabilities are told from each other by nothing, so they share a bin."""
    targets = np.array([target for target, _ in applicants], dtype=np.int8)
    probabilities = np.array([probability for _, probability in applicants])

    bins, turned = calibration_bins(targets, probabilities), calibration_bins(targets[::-1], probabilities[::-1])

    assert bins.rows.sum() == len(applicants)
    assert (bins.rows * bins.shares).sum() == pytest.approx(targets.sum())
    assert (bins.rows * bins.probabilities).sum() == pytest.approx(probabilities.sum())
    assert np.all(np.diff(bins.probabilities) > 0.0)
    assert bins.shares.tolist() == pytest.approx(turned.shares.tolist())


def test_a_calibrated_crowd_has_nearly_no_calibration_error() -> None:
    """20,000 applicants who default as often as was said; a tenth more for everyone is told as such."""
    random = np.random.default_rng(1)
    probabilities = random.uniform(0.0, 0.5, 20_000)
    targets = (random.random(20_000) < probabilities).astype(np.int8)

    assert expected_calibration_error(targets, probabilities) < 0.01
    assert expected_calibration_error(targets, probabilities + 0.1) == pytest.approx(0.1, abs=0.01)


def test_where_most_train_applicants_default_the_most_frequent_answer_refuses_everyone() -> None:
    """It is fitted on train and says nothing of the rows that it is judged on."""
    train, test = np.array([1, 1, 0], dtype=np.int8), np.array([1, 0, 0, 0], dtype=np.int8)

    metrics = evaluate_most_frequent(train, test, Costs(10.0, 1.0))

    assert (metrics["approval_rate"], metrics["recall"], metrics["precision"]) == (0.0, 1.0, 0.25)
    assert metrics["bad_rate"] == 0.0
    assert metrics["business_cost"] == pytest.approx(3 / 4)
