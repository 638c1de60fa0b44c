"""Gradient boosted trees (LightGBM)."""

import os
from dataclasses import dataclass

import lightgbm
import numpy as np
from numpy.typing import NDArray

from services.trainer.domain.classifiers.classifier import Fit
from services.trainer.domain.hyperparameters import Hyperparameter, Hyperparameters
from shared.bundle.lightgbm_model import LightGbmModel
from shared.bundle.models import Model

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
)

# Training gives the same bits for any number of threads; force_col_wise alone would leave that to chance.
_FIXED = {
    "objective": "binary",
    "deterministic": True,
    "force_col_wise": True,
    "feature_pre_filter": False,
    "subsample_freq": 1,
    "verbose": -1,
}


@dataclass(frozen=True)
class LightGbmTrees:
    """The classifier "lightgbm"; missing values take their own way through the trees."""

    id: str = "lightgbm"
    description: str = "Gradient boosted trees (LightGBM); takes missing values as they are."
    hyperparameters: tuple[Hyperparameter, ...] = _HYPERPARAMETERS
    takes_missing_values: bool = True

    def prepare(
        self, values: NDArray[np.float64], targets: NDArray[np.int8], weights: NDArray[np.float64], *, threads: int
    ) -> Fit:
        """Bin the columns once, by position: LightGBM refuses some of the reference features' names."""
        fixed = {**_FIXED, "num_threads": threads or os.cpu_count() or 1}
        binned = lightgbm.Dataset(values, label=targets, weight=weights, params=fixed).construct()

        def fit(hyperparameters: Hyperparameters, seed: int) -> Model:
            booster = lightgbm.train({**fixed, **hyperparameters, "seed": seed}, binned)
            return LightGbmModel.from_text(booster.model_to_string())

        return fit
