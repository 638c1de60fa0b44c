"""Gradient boosted trees on exact splits (scikit-learn); every missing value must have been replaced."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.trainer.domain.classifiers.classifier import Classifier
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

    def fit(hyperparameters: Hyperparameters, seed: int) -> Model:
        """Grow trees; see Fit."""
        booster = GradientBoostingClassifier(**hyperparameters, random_state=seed)
        booster.fit(values, targets, sample_weight=weights)
        # No public member gives the log-odds before the first tree; a test compares every margin to the bit.
        intercept = float(booster._raw_predict_init(np.zeros((1, values.shape[1])))[0, 0])
        trees = tuple(_tree(stage[0].tree_, booster.learning_rate) for stage in booster.estimators_)
        return TreeModel(Ensemble(trees, values.shape[1], intercept, takes_missing_values=False))

    return fit


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
