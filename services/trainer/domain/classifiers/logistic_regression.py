"""Logistic regression on standardised columns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from services.trainer.domain.classifiers.classifier import Fit
from services.trainer.domain.hyperparameters import Hyperparameter, Hyperparameters
from shared.bundle.linear_model import LinearModel
from shared.bundle.models import Model

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


@dataclass(frozen=True)
class StandardisedLogisticRegression:
    """The classifier "logistic_regression"; needs every missing value replaced."""

    id: str = "logistic_regression"
    description: str = "Logistic regression on standardised columns; needs an imputation other than NONE."
    hyperparameters: tuple[Hyperparameter, ...] = _HYPERPARAMETERS
    takes_missing_values: bool = False

    def prepare(
        self,
        values: NDArray[np.float64],
        targets: NDArray[np.int8],
        weights: NDArray[np.float64],
        *,
        threads: int,  # noqa: ARG002 - the solver's threads are the linear algebra library's
    ) -> Fit:
        """Standardise by means and deviations of these rows; a constant column is left at zero."""
        means = values.mean(axis=0)
        deviations = values.std(axis=0)
        scales = np.where(deviations > 0.0, deviations, 1.0)
        standardised = (values - means) / scales

        def fit(hyperparameters: Hyperparameters, seed: int) -> Model:
            regression = LogisticRegression(**hyperparameters, random_state=seed)
            regression.fit(standardised, targets, sample_weight=weights)
            return LinearModel(regression.coef_[0], float(regression.intercept_[0]), means, scales)

        return fit
