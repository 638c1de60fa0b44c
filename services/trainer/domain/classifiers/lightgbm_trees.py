"""How LightGBM is trained."""

import re
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from services.trainer.domain.classifiers.early_stopping import (
    EARLY_STOPPING,
    WATCHED_SHARE,
    stops_early,
    with_rounds,
    without_patience,
)
from services.trainer.domain.classifiers.fitting import Fit
from services.trainer.domain.classifiers.threads import threads_for
from services.trainer.domain.hyperparameters import Hyperparameters
from shared.bundle.lightgbm_model import LightGbmModel
from shared.bundle.model import Model

# Training gives the same bits for any number of threads; force_col_wise alone would leave that to chance.
_FIXED = {
    "objective": "binary",
    "deterministic": True,
    "force_col_wise": True,
    "feature_pre_filter": False,
    "subsample_freq": 1,
    "verbose": -1,
}
_THREADS = re.compile(r"^\[num_threads: \d+\]$", re.MULTILINE)


def prepare_trees(
    values: NDArray[np.float64], targets: NDArray[np.int8], weights: NDArray[np.float64], *, threads: int
) -> Fit:
    """Bin the columns once, by position: LightGBM refuses some of the reference features' names."""
    fixed = {**_FIXED, "num_threads": threads or threads_for(len(values))}
    binned = lightgbm.Dataset(values, label=targets, weight=weights, params=fixed).construct()

    def fit(hyperparameters: Hyperparameters, seed: int) -> Model:
        """Grow trees on the bins; see Fit."""
        parameters = {**fixed, "seed": seed}
        if stops_early(hyperparameters):
            rounds = _best_rounds(binned, targets, {**parameters, **hyperparameters})
            hyperparameters = with_rounds(hyperparameters, rounds)
        booster = _train({**parameters, **hyperparameters}, binned)
        # The text records the threads, which change nothing in the trees: equal models shall be equal files.
        return LightGbmModel.from_text(_THREADS.sub("[num_threads: 1]", booster.model_to_string()))

    return fit


def _best_rounds(binned: lightgbm.Dataset, targets: NDArray[np.int8], parameters: dict[str, Any]) -> int:
    """Return the number of trees with the least log-loss on a fifth of the rows, which the trees are not grown on."""
    grown, watched = train_test_split(
        np.arange(len(targets)), test_size=WATCHED_SHARE, stratify=targets, random_state=parameters["seed"]
    )
    callback = lightgbm.early_stopping(parameters[EARLY_STOPPING], verbose=False)
    booster = _train(parameters, _rows(binned, grown), valid_sets=[_rows(binned, watched)], callbacks=[callback])
    return int(booster.best_iteration)


def _rows(binned: lightgbm.Dataset, rows: NDArray[np.intp]) -> lightgbm.Dataset:
    # As subsets of what is binned already, neither part is binned again.
    return binned.subset(np.sort(rows).tolist()).construct()


def _train(parameters: dict[str, Any], rows: lightgbm.Dataset, **options: Any) -> lightgbm.Booster:
    # LightGBM takes early_stopping_rounds among its parameters too, but then there must be rows to watch.
    return lightgbm.train(dict(without_patience(parameters)), rows, **options)
