"""What the trainer asks of a classifier's library, whichever it is."""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from services.trainer.domain.hyperparameters import Hyperparameters
from shared.bundle.model import Model


@runtime_checkable
class Grown(Protocol):
    """A model that is grown in rounds, such as boosted trees."""

    @property
    def rounds(self) -> int:
        """How many rounds it was grown in."""
        ...


class Fit(Protocol):
    """Trains on rows that were prepared once; many hyper-parameters may be tried on the same rows."""

    def __call__(self, hyperparameters: Hyperparameters, seed: int) -> Model:
        """Return the model; the same hyper-parameters and seed give the same model."""
        ...


class PrepareRows(Protocol):
    """Readies rows for everything that becomes of them: weights or synthetic rows, then the classifier."""

    def __call__(self, values: NDArray[np.float64], targets: NDArray[np.int8], *, threads: int) -> Fit:
        """Return the training on (n_rows, n_features) cleaned values and one target a row.

        0 threads: as many as suit the rows.
        """
        ...


class Prepare(Protocol):
    """Readies rows for a classifier."""

    def __call__(
        self, values: NDArray[np.float64], targets: NDArray[np.int8], weights: NDArray[np.float64], *, threads: int
    ) -> Fit:
        """Return the training on (n_rows, n_features) values, one target and one weight a row.

        0 threads: as many as suit the rows.
        """
        ...
