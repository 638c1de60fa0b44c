"""Gradient boosted trees on exact splits (scikit-learn); every missing value must have been replaced."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.trainer.domain.classifiers.classifier import Classifier
from services.trainer.domain.classifiers.early_stopping import (
    EARLY_STOPPING,
    ROUNDS_WITHOUT_GAIN,
    WATCHED_SHARE,
    stops_early,
    with_rounds,
    without_patience,
)
from services.trainer.domain.classifiers.fitting import Fit
from services.trainer.domain.classifiers.tree_arrays import TreeArrays
from services.trainer.domain.hyperparameters import Hyperparameter, Hyperparameters
from services.trainer.domain.lifting import largest_at_most
from shared.bundle.ensemble import Ensemble
from shared.bundle.model import Model
from shared.bundle.tree_model import TreeModel
from shared.kernels.trees import Tree

_HYPERPARAMETERS = (
    Hyperparameter("n_estimators", "integer", 200, "Number of trees.", 1, 20_000),
    Hyperparameter("learning_rate", "real", 0.05, "How much of each tree is added.", 1e-4, 1.0),
    Hyperparameter("max_depth", "integer", 3, "Largest depth of a tree.", 1, 64),
    Hyperparameter("min_samples_leaf", "integer", 20, "Smallest number of applicants in a leaf.", 1, 1_000_000),
    Hyperparameter("subsample", "real", 0.7, "Share of the applicants that each tree is grown on.", 0.01, 1.0),
    Hyperparameter("max_features", "real", 0.1, "Share of the columns that each split may use.", 0.001, 1.0),
    ROUNDS_WITHOUT_GAIN,
)


def prepare(
    values: NDArray[np.float64],
    targets: NDArray[np.int8],
    weights: NDArray[np.float64],
    *,
    threads: int,  # noqa: ARG001 - it grows its trees in one
) -> Fit:
    """Take the rows as they are; they are sorted anew for each tree, so that many rows take long."""
    from sklearn.ensemble import GradientBoostingClassifier

    def best_rounds(hyperparameters: Hyperparameters, seed: int) -> int:
        """Return the number of trees with the least log-loss on a fifth of the rows, which they are not grown on."""
        from sklearn.model_selection import train_test_split

        grown, watched = train_test_split(
            np.arange(len(targets)), test_size=WATCHED_SHARE, stratify=targets, random_state=seed
        )
        watch = _Watch(values[watched], targets[watched], weights[watched], int(hyperparameters[EARLY_STOPPING]))
        booster = GradientBoostingClassifier(**without_patience(hyperparameters), random_state=seed)
        booster.fit(values[grown], targets[grown], sample_weight=weights[grown], monitor=watch)
        return watch.best_rounds

    def fit(hyperparameters: Hyperparameters, seed: int) -> Model:
        """Grow trees; see Fit."""
        if stops_early(hyperparameters):
            hyperparameters = with_rounds(hyperparameters, best_rounds(hyperparameters, seed))
        booster = GradientBoostingClassifier(**without_patience(hyperparameters), random_state=seed)
        booster.fit(values, targets, sample_weight=weights)
        intercept = _start(booster, values[:1])
        trees = tuple(_tree(stage[0].tree_, booster.learning_rate) for stage in booster.estimators_)
        return TreeModel(Ensemble(trees, values.shape[1], intercept, takes_missing_values=False))

    return fit


@dataclass
class _Watch:
    """Looks at each tree as it is grown, and ends that once so many did not lower the log-loss of the watched rows.

    The library's own rule only asks that the loss is not above all of the last ones, and does not tell what was best.
    """

    values: NDArray[np.float64]
    targets: NDArray[np.int8]
    weights: NDArray[np.float64]
    patience: int
    best_rounds: int = 1
    least_loss: float = math.inf
    margins: NDArray[np.float64] | None = None

    def __call__(self, grown: int, booster: Any, _: Mapping[str, Any]) -> bool:
        """Return whether to end, after `grown` trees and one."""
        if self.margins is None:
            self.margins = np.full(len(self.values), _start(booster, self.values[:1]))
        self.margins += booster.learning_rate * booster.estimators_[grown, 0].predict(self.values)
        losses = np.logaddexp(0.0, np.where(self.targets == 1, -self.margins, self.margins))
        loss = float(np.average(losses, weights=self.weights))
        if loss < self.least_loss:
            self.best_rounds, self.least_loss = grown + 1, loss
        return grown + 1 - self.best_rounds >= self.patience


def _start(booster: Any, row: NDArray[np.float64]) -> float:
    # No public member gives the log-odds before the first tree; a test compares every margin to the bit.
    return float(booster._raw_predict_init(row)[0, 0])


def _tree(grown: Any, learning_rate: float) -> Tree:
    return TreeArrays(
        is_leaf=grown.children_left < 0,
        features=grown.feature,
        # scikit-learn rounds a value to 32 bits before it compares; ours are compared as they are.
        thresholds=largest_at_most(_in_single_precision, grown.threshold),
        missing_left=np.zeros(grown.node_count, dtype=np.bool_),
        left=grown.children_left,
        right=grown.children_right,
        covers=grown.weighted_n_node_samples,
        values=learning_rate * grown.value[:, 0, 0],
    ).tree()


def _in_single_precision(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values.astype(np.float32).astype(np.float64)


CLASSIFIER: Final = Classifier(
    "gradient_boosting",
    "Gradient boosted trees on exact splits (scikit-learn); needs an imputation other than NONE.",
    _HYPERPARAMETERS,
    takes_missing_values=False,
    prepare=prepare,
)
