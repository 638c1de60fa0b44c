"""A short performance benchmark: fewer applicants to train on, fewer trees, windows a fifth as large."""

import pytest

from benchmarks.performance import DRIFT, LARGEST_AUC_ERROR, LARGEST_COST_ERROR, WORSE, Lender, train, window
from services.monitor.domain.performance import Premise

ROWS = 20_000


@pytest.fixture(scope="module")
def lender() -> Lender:
    """Return a lender with a small model."""
    return train(6_000, seed=5, grid={"n_estimators": (60,), "learning_rate": (0.1,)})


def test_estimates_come_true_without_drift(lender: Lender) -> None:
    """And nothing is doubted."""
    found = window(lender, ROWS, seed=5)

    assert found.measured.rows == ROWS
    assert found.auc_error <= LARGEST_AUC_ERROR
    assert found.cost_error <= LARGEST_COST_ERROR
    assert found.doubts == []


def test_drifted_applicants_are_doubted(lender: Lender) -> None:
    """By their margins, before any outcome is known."""
    assert Premise.SCORES_STABLE.value in window(lender, ROWS, seed=6, drift=DRIFT).doubts


def test_another_world_is_doubted_once_outcomes_are_known(lender: Lender) -> None:
    """Nothing else shows it: the applicants are as ever."""
    doubts = window(lender, ROWS, seed=5, worse=WORSE).doubts

    assert Premise.CALIBRATED.value in doubts
    assert Premise.SCORES_STABLE.value not in doubts
