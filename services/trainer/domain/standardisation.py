"""Columns in units of their own deviation, so that none outweighs another by its unit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-12


@dataclass(frozen=True)
class Standardisation:
    """(value - mean) / scale, column by column; `means` and `scales` have shape (n_features,)."""

    means: NDArray[np.float64]
    scales: NDArray[np.float64]

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the rows (n_rows, n_features) standardised; NaN stays NaN."""
        return (values - self.means) / self.scales

    def undo(self, standardised: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return standardised rows in the columns' own units, but for rounding."""
        return standardised * self.scales + self.means


def fit_standardisation(values: NDArray[np.float64]) -> Standardisation:
    """Return means and deviations (ddof = 0) of what is known in each column; a constant column comes out as zero.

    Every column needs a value in some row.
    """
    means = np.nanmean(values, axis=0)
    deviations = np.nanstd(values, axis=0)
    constant = deviations <= _ROUNDING * np.abs(means)
    # Of a constant column rounding can leave a mean beside it and a deviation of 1e-17, by which any other value, met
    # later, would be a billion deviations away.
    return Standardisation(np.where(constant, np.nanmin(values, axis=0), means), np.where(constant, 1.0, deviations))
