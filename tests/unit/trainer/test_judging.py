"""Trials are judged on rows that their models had not seen, as far as those are held out."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import log_loss

from services.trainer.domain.calibration import fit_sigmoid
from services.trainer.domain.judging import Judge
from services.trainer.domain.search import Objective
from services.trainer.domain.threshold import Costs, best_cost

_RANDOM = np.random.default_rng(3)
_SIGNAL = _RANDOM.normal(size=200)
_TARGETS = (_RANDOM.random(200) < 1.0 / (1.0 + np.exp(1.0 - _SIGNAL))).astype(np.int8)


def _judge(objective: Objective = Objective.BUSINESS_COST) -> Judge:
    return Judge(objective, _TARGETS, Costs())


def _half_seen() -> NDArray[np.float64]:
    margins = np.vstack([_SIGNAL, 2.0 * _SIGNAL, np.full(200, np.nan)])
    margins[1, 100:] = np.nan
    return margins


def test_each_repeat_has_a_threshold_of_its_own() -> None:
    """Its models rank on a scale of their own; a repeat that has not begun does not count."""
    expected = [best_cost(_TARGETS, _SIGNAL, Costs()), best_cost(_TARGETS[:100], _SIGNAL[:100], Costs())]

    assert _judge().cost(_half_seen()) == pytest.approx(np.mean(expected))
    assert _judge().so_far(_half_seen(), [0.1]) == _judge().cost(_half_seen())


def test_log_loss_is_that_of_calibrated_probabilities() -> None:
    """Class weights shift all margins; without calibration the loss would punish them for nothing."""
    judge = _judge(Objective.LOG_LOSS)
    expected = log_loss(_TARGETS, fit_sigmoid(_TARGETS, _SIGNAL).probabilities(_SIGNAL))

    assert judge.log_loss(_SIGNAL[np.newaxis] + 3.0) == pytest.approx(expected, abs=1e-6)
    assert judge.so_far(_half_seen(), [0.1]) == judge.log_loss(_half_seen())


def test_margins_without_signal_are_worth_the_rate_of_defaults() -> None:
    """No sigmoid can be fitted to them; the trial is bad and the search goes on."""
    rate = _TARGETS.mean()
    expected = -(rate * math.log(rate) + (1.0 - rate) * math.log(1.0 - rate))

    assert _judge().log_loss(-_SIGNAL[np.newaxis]) == pytest.approx(expected)
    assert _judge().log_loss(np.zeros((1, 200))) == pytest.approx(expected)


def test_the_area_under_the_curve_is_averaged_over_folds() -> None:
    """Pooled margins of different models do not rank."""
    assert _judge(Objective.AUC).so_far(_half_seen(), [0.6, 0.8]) == pytest.approx(0.7)


def test_the_costs_of_folds_add_up_to_that_of_their_repeat() -> None:
    """Since they share its threshold."""
    folds = np.arange(0, 50), np.arange(50, 200)

    first, second = (_judge().fold_cost(_SIGNAL, rows) for rows in folds)

    assert (50 * first + 150 * second) / 200 == pytest.approx(best_cost(_TARGETS, _SIGNAL, Costs()))
