"""Gradient boosted trees (LightGBM); missing values take their own way through the trees."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.trainer.domain.classifiers.classifier import Classifier
from services.trainer.domain.classifiers.early_stopping import ROUNDS_WITHOUT_GAIN
from services.trainer.domain.classifiers.fitting import Fit
from services.trainer.domain.hyperparameters import Hyperparameter

# Defaults for a few thousand rows and hundreds of columns: small, strongly regularised trees. On such data they rank
# better than the library's own defaults; `python -m benchmarks.quality` measures them.
_HYPERPARAMETERS = (
    Hyperparameter("n_estimators", "integer", 600, "Number of trees.", 1, 20_000),
    Hyperparameter("learning_rate", "real", 0.02, "How much of each tree is added.", 1e-4, 1.0),
    Hyperparameter("num_leaves", "integer", 8, "Largest number of leaves of a tree.", 2, 4096),
    Hyperparameter("max_depth", "integer", 4, "Largest depth of a tree; -1 for no limit.", -1, 64),
    Hyperparameter("min_child_samples", "integer", 20, "Smallest number of applicants in a leaf.", 1, 1_000_000),
    Hyperparameter("colsample_bytree", "real", 0.1, "Share of the columns that each tree may use.", 0.001, 1.0),
    Hyperparameter("subsample", "real", 0.7, "Share of the applicants that each tree is grown on.", 0.01, 1.0),
    Hyperparameter("reg_lambda", "real", 50.0, "L2 penalty on the leaves.", 0.0, 1e6),
    Hyperparameter("reg_alpha", "real", 0.0, "L1 penalty on the leaves.", 0.0, 1e6),
    Hyperparameter("min_split_gain", "real", 0.0, "Smallest gain that is worth a split.", 0.0, 1e6),
    ROUNDS_WITHOUT_GAIN,
)


def prepare(
    values: NDArray[np.float64], targets: NDArray[np.int8], weights: NDArray[np.float64], *, threads: int
) -> Fit:
    """Bin the columns once; see Prepare."""
    from services.trainer.domain.classifiers.lightgbm_trees import prepare_trees

    return prepare_trees(values, targets, weights, threads=threads)


CLASSIFIER: Final = Classifier(
    "lightgbm",
    "Gradient boosted trees (LightGBM); takes missing values as they are.",
    _HYPERPARAMETERS,
    takes_missing_values=True,
    prepare=prepare,
)
