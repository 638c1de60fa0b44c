"""What happens to cleaned values before a classifier sees them, and how a model on them becomes one on features."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.trainer.domain.folding import on_components, on_unscaled
from services.trainer.domain.preprocessing import Preprocessing
from services.trainer.domain.standardisation import Standardisation, fit_standardisation
from shared.bundle.model import Model
from shared.bundle.projection import Projection

VARIANCE_KEPT = 0.95


class Preprocessor(Protocol):
    """A preprocessing fitted on training rows."""

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return rows (n_rows, n_features) as the classifier sees them."""
        ...

    def fold(self, model: Model) -> Model:
        """Return the model on features that gives the margins which `model` gives what `apply` returns."""
        ...


@dataclass(frozen=True)
class Untouched:
    """Nothing."""

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the rows as they are."""
        return values

    def fold(self, model: Model) -> Model:
        """Return the model as it is."""
        return model


@dataclass(frozen=True)
class Standardised:
    """Columns less their mean, in units of their deviation; missing values stay missing."""

    standardisation: Standardisation

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the rows standardised."""
        return self.standardisation.apply(values)

    def fold(self, model: Model) -> Model:
        """Return the model with the means and deviations inside; its reasons stay exact."""
        return on_unscaled(model, self.standardisation.means, self.standardisation.scales)


@dataclass(frozen=True)
class Components:
    """Principal components of standardised columns."""

    projection: Projection

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the rows' components."""
        return self.projection.apply(values)

    def fold(self, model: Model) -> Model:
        """Return a linear model as one on features; any other with the projection before it, without reasons."""
        return on_components(model, self.projection)


def fit_preprocessing(preprocessing: Preprocessing, values: NDArray[np.float64]) -> Preprocessor:
    """Return the preprocessing fitted on rows (n_rows, n_features); PCA needs every value, the others take NaN."""
    if preprocessing is Preprocessing.NONE:
        return Untouched()
    standardisation = fit_standardisation(values)
    if preprocessing is Preprocessing.STANDARDISATION:
        return Standardised(standardisation)
    loadings = _loadings(standardisation.apply(values))
    return Components(Projection(standardisation.means, standardisation.scales, loadings))


def _loadings(standardised: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the fewest principal axes, (n_components, n_features), that keep 95 % of the variance; at least one."""
    variances, axes = np.linalg.eigh(standardised.T @ standardised / len(standardised))
    variances, axes = np.maximum(variances[::-1], 0.0), axes.T[::-1]
    kept = np.cumsum(variances) / max(float(variances.sum()), np.finfo(np.float64).tiny)
    count = min(int(np.searchsorted(kept, VARIANCE_KEPT)) + 1, len(axes))
    # An axis has two directions, and libraries differ in which they return: the largest loading is made positive.
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    return np.ascontiguousarray((axes * np.where(largest < 0.0, -1.0, 1.0))[:count])
