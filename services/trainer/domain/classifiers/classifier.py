"""What the trainer asks of a classifier, whatever library is behind it."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.trainer.domain.hyperparameters import Hyperparameter, Hyperparameters
from shared.bundle.models import Model


class Fit(Protocol):
    """Trains on rows that were prepared once; many hyper-parameters may be tried on the same rows."""

    def __call__(self, hyperparameters: Hyperparameters, seed: int) -> Model:
        """Return the model; the same hyper-parameters and seed give the same model."""
        ...


class Classifier(Protocol):
    """One way to learn defaults from features; `id` names it in requests and bundles."""

    @property
    def id(self) -> str:
        """The identifier, for example "lightgbm"."""
        ...

    @property
    def description(self) -> str:
        """What it is, in a sentence."""
        ...

    @property
    def hyperparameters(self) -> tuple[Hyperparameter, ...]:
        """Everything that may be set."""
        ...

    @property
    def takes_missing_values(self) -> bool:
        """Whether NaN is understood as missing; if not, every missing value must be replaced before."""
        ...

    def prepare(
        self, values: NDArray[np.float64], targets: NDArray[np.int8], weights: NDArray[np.float64], *, threads: int
    ) -> Fit:
        """Return the training on (n_rows, n_features) values, one target and one weight a row."""
        ...
