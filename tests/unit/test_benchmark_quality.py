"""What the quality benchmark prints of costs is what applicants who had no part in the threshold would cost."""

import numpy as np

from benchmarks.quality import unseen_cost
from services.trainer.domain.hyperparameters import Hyperparameters
from services.trainer.domain.threshold import Costs, best_cost, cost_at
from services.trainer.domain.tuning import Fold
from shared.bundle.models import Model


def test_a_folds_threshold_comes_from_the_other_folds() -> None:
    """Where the folds are ranked on scales of their own, that is dear, and choosing on the same rows hides it."""
    targets = np.array([0, 0, 1, 1, 0, 0, 1, 1], dtype=np.int8)
    margins = np.array([[-4.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0]])
    folds = [_fold(np.arange(4)), _fold(np.arange(4, 8))]

    cost = unseen_cost(targets, folds, margins)

    first_approves_its_defaults = cost_at(targets[:4], np.zeros(4), 0.5, Costs())
    second_refuses_everyone = cost_at(targets[4:], np.ones(4), 0.5, Costs())
    assert cost == (first_approves_its_defaults + second_refuses_everyone) / 2
    assert cost > best_cost(targets, margins[0], Costs())


def _fold(rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Fold:
    return Fold(0, rows, np.empty((len(rows), 0)), _never_fitted)


def _never_fitted(hyperparameters: Hyperparameters, seed: int) -> Model:
    raise AssertionError(f"trained {hyperparameters} with seed {seed}, though costs are counted from margins")
