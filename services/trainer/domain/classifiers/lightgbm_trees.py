"""Gradient boosted trees (LightGBM); missing values take their own way through the trees."""

import os
import re

import lightgbm
import numpy as np
from numpy.typing import NDArray

from services.trainer.domain.classifiers.fitting import Fit
from services.trainer.domain.hyperparameters import Hyperparameters
from shared.bundle.lightgbm_model import LightGbmModel
from shared.bundle.models import Model

# Training gives the same bits for any number of threads; force_col_wise alone would leave that to chance.
_FIXED = {
    "objective": "binary",
    "deterministic": True,
    "force_col_wise": True,
    "feature_pre_filter": False,
    "subsample_freq": 1,
    "verbose": -1,
}
# With fewer rows each tree's threads wait for one another longer than they work, all the more on a busy machine: 4,000
# rows of 771 columns took 2 s with one thread, and with two 13 s beside other work.
_ROWS_A_THREAD = 20_000
_THREADS = re.compile(r"^\[num_threads: \d+\]$", re.MULTILINE)


def threads_for(rows: int) -> int:
    """Return how many threads are worth their waiting for each other, at most one per core."""
    return min(os.cpu_count() or 1, 1 + rows // _ROWS_A_THREAD)


def prepare_trees(
    values: NDArray[np.float64], targets: NDArray[np.int8], weights: NDArray[np.float64], *, threads: int
) -> Fit:
    """Bin the columns once, by position: LightGBM refuses some of the reference features' names."""
    fixed = {**_FIXED, "num_threads": threads or threads_for(len(values))}
    binned = lightgbm.Dataset(values, label=targets, weight=weights, params=fixed).construct()

    def fit(hyperparameters: Hyperparameters, seed: int) -> Model:
        """Grow trees on the bins; see Fit."""
        booster = lightgbm.train({**fixed, **hyperparameters, "seed": seed}, binned)
        # The text records the threads, which change nothing in the trees: equal models shall be equal files.
        return LightGbmModel.from_text(_THREADS.sub("[num_threads: 1]", booster.model_to_string()))

    return fit
