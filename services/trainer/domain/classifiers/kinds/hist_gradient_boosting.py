"""Gradient boosted trees on binned columns (scikit-learn); missing values take their own way through the trees."""

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
from services.trainer.domain.classifiers.threads import threads_for
from services.trainer.domain.classifiers.tree_arrays import TreeArrays
from services.trainer.domain.hyperparameters import Hyperparameter, Hyperparameters
from shared.bundle.ensemble import Ensemble
from shared.bundle.model import Model
from shared.bundle.tree_model import TreeModel
from shared.kernels.trees import Tree

_HYPERPARAMETERS = (
    Hyperparameter("max_iter", "integer", 300, "Number of trees.", 1, 20_000),
    Hyperparameter("learning_rate", "real", 0.03, "How much of each tree is added.", 1e-4, 1.0),
    Hyperparameter("max_leaf_nodes", "integer", 8, "Largest number of leaves of a tree.", 2, 4096),
    Hyperparameter("max_depth", "integer", 4, "Largest depth of a tree.", 1, 64),
    Hyperparameter("min_samples_leaf", "integer", 20, "Smallest number of applicants in a leaf.", 1, 1_000_000),
    Hyperparameter("max_features", "real", 0.1, "Share of the columns that each split may use.", 0.001, 1.0),
    Hyperparameter("l2_regularization", "real", 10.0, "L2 penalty on the leaves.", 0.0, 1e6),
    Hyperparameter("max_bins", "integer", 255, "Largest number of bins of a column.", 2, 255),
    ROUNDS_WITHOUT_GAIN,
)
_WATCHING: Final[dict[str, Any]] = {"validation_fraction": WATCHED_SHARE, "scoring": "loss", "tol": 0.0}


def prepare(
    values: NDArray[np.float64], targets: NDArray[np.int8], weights: NDArray[np.float64], *, threads: int
) -> Fit:
    """Take the rows as they are: columns are binned anew for each model. Any number of threads grows the same trees."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    count = threads or threads_for(len(values))

    def grow(hyperparameters: Hyperparameters, seed: int, **options: Any) -> Any:
        """Return the library's own model."""
        known = without_patience(hyperparameters)
        booster = HistGradientBoostingClassifier(**known, **options, random_state=seed)
        with threadpool_limits(count, user_api="openmp"):
            return booster.fit(values, targets, sample_weight=weights)

    def fit(hyperparameters: Hyperparameters, seed: int) -> Model:
        """Grow trees; see Fit."""
        if stops_early(hyperparameters):
            options = {"n_iter_no_change": hyperparameters[EARLY_STOPPING], **_WATCHING}
            # Its first score is that of no tree at all.
            rounds = int(np.argmax(grow(hyperparameters, seed, early_stopping=True, **options).validation_score_))
            hyperparameters = with_rounds(hyperparameters, max(1, rounds))
        return _as_numbers(grow(hyperparameters, seed, early_stopping=False), values.shape[1])

    return fit


def _as_numbers(booster: Any, n_features: int) -> TreeModel:
    # No public member gives the trees; the lock pins scikit-learn, and a test compares every margin to the bit.
    trees = tuple(_tree(predictors[0].nodes) for predictors in booster._predictors)
    intercept = float(booster._baseline_prediction[0, 0])
    return TreeModel(Ensemble(trees, n_features, intercept, takes_missing_values=True))


def _tree(nodes: NDArray[np.void]) -> Tree:
    return TreeArrays(
        is_leaf=nodes["is_leaf"].astype(np.bool_),
        features=nodes["feature_idx"].astype(np.intp),
        thresholds=nodes["num_threshold"],
        missing_left=nodes["missing_go_to_left"].astype(np.bool_),
        left=nodes["left"].astype(np.intp),
        right=nodes["right"].astype(np.intp),
        covers=nodes["count"].astype(np.float64),
        values=nodes["value"],
    ).tree()


CLASSIFIER: Final = Classifier(
    "hist_gradient_boosting",
    "Gradient boosted trees on binned columns (scikit-learn); takes missing values as they are.",
    _HYPERPARAMETERS,
    takes_missing_values=True,
    prepare=prepare,
)
