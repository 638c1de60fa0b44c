"""Logistic regression on standardised columns; every missing value must have been replaced."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from services.trainer.domain.classifiers.fitting import Fit
from services.trainer.domain.hyperparameters import Hyperparameters
from shared.bundle.linear_model import LinearModel
from shared.bundle.models import Model

_ROUNDING = 1e-12


def prepare_regression(
    values: NDArray[np.float64],
    targets: NDArray[np.int8],
    weights: NDArray[np.float64],
    *,
    threads: int,  # noqa: ARG001 - the solver's threads are the linear algebra library's
) -> Fit:
    """Standardise by means and deviations of these rows; a constant column is left at zero."""
    means = values.mean(axis=0)
    deviations = values.std(axis=0)
    constant = deviations <= _ROUNDING * np.abs(means)
    # Of a constant column rounding can leave a mean beside it and a deviation of 1e-17, by which any other value, met
    # later, would be a billion deviations away.
    means = np.where(constant, values[0], means)
    scales = np.where(constant, 1.0, deviations)
    standardised = (values - means) / scales

    def fit(hyperparameters: Hyperparameters, seed: int) -> Model:
        """Fit by the solver; see Fit."""
        regression = LogisticRegression(**hyperparameters, random_state=seed)
        regression.fit(standardised, targets, sample_weight=weights)
        return LinearModel(regression.coef_[0], float(regression.intercept_[0]), means, scales)

    return fit
