"""Logistic regression; every missing value must have been replaced."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from services.trainer.domain.classifiers.fitting import Fit
from services.trainer.domain.hyperparameters import Hyperparameters
from shared.bundle.linear_model import LinearModel
from shared.bundle.models import Model


def prepare_regression(
    values: NDArray[np.float64],
    targets: NDArray[np.int8],
    weights: NDArray[np.float64],
    *,
    threads: int,  # noqa: ARG001 - the solver's threads are the linear algebra library's
) -> Fit:
    """Take the rows as they are; the solver wants columns of like size, as standardisation makes them."""

    def fit(hyperparameters: Hyperparameters, seed: int) -> Model:
        """Fit by the solver; see Fit."""
        regression = LogisticRegression(**hyperparameters, random_state=seed)
        regression.fit(values, targets, sample_weight=weights)
        coefficients, intercept = regression.coef_[0], float(regression.intercept_[0])
        return LinearModel(coefficients, intercept, np.zeros(len(coefficients)), np.ones(len(coefficients)))

    return fit
