"""Metrics mean what their names say, on probabilities and on decisions."""

import numpy as np
import pytest

from services.trainer.domain.calibration import fit_sigmoid
from services.trainer.domain.evaluation import evaluate, evaluate_most_frequent, named
from services.trainer.domain.threshold import Costs

_TARGETS = np.array([0, 0, 0, 1, 0, 1], dtype=np.int8)
_PROBABILITIES = np.array([0.1, 0.2, 0.4, 0.3, 0.6, 0.9])


def test_ranking_is_judged_on_probabilities_and_decisions_at_the_threshold() -> None:
    """Six of the eight pairs are in order; at 0.5 one default is approved and one good applicant refused."""
    metrics = evaluate(_TARGETS, _PROBABILITIES, threshold=0.5, costs=Costs(10.0, 1.0))

    assert metrics["auc"] == pytest.approx(6 / 8)
    assert metrics["gini"] == pytest.approx(2 * 6 / 8 - 1)
    assert metrics["business_cost"] == pytest.approx((10 + 1) / 6)
    assert (metrics["precision"], metrics["recall"]) == (0.5, 0.5)
    assert metrics["approval_rate"] == pytest.approx(4 / 6)
    assert metrics["brier"] == pytest.approx(np.mean((_PROBABILITIES - _TARGETS) ** 2))


def test_an_applicant_at_the_threshold_is_refused() -> None:
    """Refuse if and only if probability >= threshold."""
    at, above = (evaluate(_TARGETS, _PROBABILITIES, threshold=t, costs=Costs()) for t in (0.6, np.nextafter(0.6, 1)))

    assert at["approval_rate"] == pytest.approx(4 / 6)
    assert above["approval_rate"] == pytest.approx(5 / 6)


def test_the_most_frequent_answer_approves_everyone() -> None:
    """It costs ten for each default and ranks nobody."""
    metrics = evaluate_most_frequent(_TARGETS, _TARGETS, Costs())

    assert metrics["business_cost"] == pytest.approx(20 / 6)
    assert (metrics["auc"], metrics["approval_rate"], metrics["recall"]) == (0.5, 1.0, 0.0)


def test_metrics_carry_the_name_of_their_split() -> None:
    """So that train and test lie side by side."""
    assert named("test", {"auc": 0.7}) == {"test_auc": 0.7}


def test_a_sigmoid_gives_back_the_rate_of_defaults() -> None:
    """Margins of a balanced model are too high by the same amount for everyone; the fit finds it."""
    random = np.random.default_rng(5)
    margins = random.normal(size=20_000)
    targets = (random.random(20_000) < 1.0 / (1.0 + np.exp(2.0 - 1.5 * margins))).astype(np.int8)

    calibrator = fit_sigmoid(targets, margins)

    assert calibrator.slope == pytest.approx(1.5, abs=0.1)
    assert calibrator.intercept == pytest.approx(-2.0, abs=0.1)
    assert calibrator.probabilities(margins).mean() == pytest.approx(targets.mean(), abs=1e-4)
