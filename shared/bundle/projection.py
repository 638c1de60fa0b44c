"""Rows on other axes: standardised columns, rotated onto a few components."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLOCK = 512  # rows at once, so that what is summed up stays in the cache


@dataclass(frozen=True, eq=False)
class Projection:
    """component = the sum over features of loading * (value - mean) / scale.

    `means` and `scales` have shape (n_features,), `loadings` (n_components, n_features). Raises ValueError for other
    shapes, numbers that are not finite, or a scale that is not above 0.
    """

    means: NDArray[np.float64]
    scales: NDArray[np.float64]
    loadings: NDArray[np.float64]

    def __post_init__(self) -> None:
        if not self.means.shape == self.scales.shape == self.loadings.shape[1:]:
            raise ValueError("means and scales must have shape (n_features,), loadings (n_components, n_features)")
        if not all(np.isfinite(array).all() for array in (self.means, self.scales, self.loadings)):
            raise ValueError("a projection's numbers must be finite")
        if not np.all(self.scales > 0.0):
            raise ValueError("a projection's scales must be above 0")

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return rows (n_rows, n_features) as components (n_rows, n_components); all are NaN where one value is.

        Summed feature by feature, so that a row has the same bits alone and in a batch.
        """
        components = np.zeros((len(values), len(self.loadings)))
        for start in range(0, len(values), _BLOCK):
            rows = slice(start, start + _BLOCK)
            standardised = (values[rows] - self.means) / self.scales
            for place, loading in enumerate(self.loadings.T):
                components[rows] += standardised[:, place, None] * loading
        return components
