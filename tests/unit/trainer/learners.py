"""A classifier that any test sees through, and the folds it is tried on."""

import numpy as np
from numpy.typing import NDArray

from services.trainer.domain.classifiers.fitting import Fit
from services.trainer.domain.cleaning import CleaningOptions, Imputation
from services.trainer.domain.hyperparameters import Hyperparameters
from services.trainer.domain.plan import Resampling
from services.trainer.domain.tuning import Fold, prepare_folds
from shared.bundle.linear_model import LinearModel
from shared.bundle.model import Model
from tests.unit.trainer.applicants import COLUMNS, labelled_rows

ROWS = labelled_rows(120, seed=4)
WIDTH = len(COLUMNS)


class Learner:
    """A classifier whose first coefficient is the hyper-parameter `weight`; it keeps what it was to learn from."""

    def __init__(self) -> None:
        self.values: list[NDArray[np.float64]] = []

    def __call__(self, values: NDArray[np.float64], targets: NDArray[np.int8], *, threads: int) -> Fit:
        """Keep the rows."""
        assert (len(values), threads) == (len(targets), 1)
        self.values.append(values.copy())
        return weigh


def weigh(hyperparameters: Hyperparameters, seed: int) -> Model:
    """Return the model of a weight; one of "none" cannot be trained."""
    assert seed == 0
    coefficients = np.array([float(hyperparameters["weight"]), *[0.0] * (WIDTH - 1)])
    return LinearModel(coefficients, 0.0, means=np.zeros(WIDTH), scales=np.ones(WIDTH))


def folds_of(resampling: Resampling, *, learner: Learner | None = None) -> list[Fold]:
    """Return the folds of the rows, each cleaned by the means of the others."""
    return prepare_folds(
        ROWS.frame,
        ROWS.targets,
        columns=COLUMNS,
        cleaning=CleaningOptions(Imputation.MEAN),
        prepare=learner or Learner(),
        resampling=resampling,
        threads=1,
        on_fold=lambda *_: None,
    )
