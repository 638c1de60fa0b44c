"""Logistic regression; every missing value must have been replaced."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.trainer.domain.classifiers.classifier import Classifier
from services.trainer.domain.classifiers.fitting import Fit
from services.trainer.domain.hyperparameters import Hyperparameter, Hyperparameters
from services.trainer.domain.preprocessing import Preprocessing
from shared.bundle.linear_model import LinearModel
from shared.bundle.model import Model

_HYPERPARAMETERS = (
    Hyperparameter("C", "real", 0.001, "Inverse of the strength of the L2 penalty.", 1e-8, 1e8),
    Hyperparameter("max_iter", "integer", 1000, "Largest number of iterations of the solver.", 1, 1_000_000),
    Hyperparameter(
        "solver",
        "text",
        "lbfgs",
        "How the optimum is found; newton-cholesky is faster with many more rows than columns.",
        choices=("lbfgs", "newton-cholesky"),
    ),
)


def prepare(
    values: NDArray[np.float64],
    targets: NDArray[np.int8],
    weights: NDArray[np.float64],
    *,
    threads: int,  # noqa: ARG001 - the solver's threads are the linear algebra library's
) -> Fit:
    """Take the rows as they are; the solver wants columns of like size, as standardisation makes them."""
    from sklearn.linear_model import LogisticRegression

    def fit(hyperparameters: Hyperparameters, seed: int) -> Model:
        """Fit by the solver; see Fit."""
        regression = LogisticRegression(**hyperparameters, random_state=seed)
        regression.fit(values, targets, sample_weight=weights)
        coefficients, intercept = regression.coef_[0], float(regression.intercept_[0])
        return LinearModel(coefficients, intercept, np.zeros(len(coefficients)), np.ones(len(coefficients)))

    return fit


CLASSIFIER: Final = Classifier(
    "logistic_regression",
    "Logistic regression; needs an imputation other than NONE.",
    _HYPERPARAMETERS,
    takes_missing_values=False,
    prepare=prepare,
    preprocessing=Preprocessing.STANDARDISATION,
)
