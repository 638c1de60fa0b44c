"""How far probabilities are from what happened: applicants in bins of equally many, by rising probability."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BINS = 10


@dataclass(frozen=True)
class CalibrationBins:
    """Applicants by rising probability: how many a bin holds, their mean probability and their share of defaults."""

    rows: NDArray[np.intp]
    probabilities: NDArray[np.float64]
    shares: NDArray[np.float64]

    @property
    def error(self) -> float:
        """By how much, on average over the applicants, a bin's mean probability misses its share of defaults."""
        return float(np.average(np.abs(self.probabilities - self.shares), weights=self.rows))


def calibration_bins(targets: NDArray[np.int8], probabilities: NDArray[np.float64]) -> CalibrationBins:
    """Return up to ten bins of equally many applicants; equal probabilities share a bin, so it may be more or fewer."""
    edges = np.unique(np.quantile(probabilities, np.linspace(0.0, 1.0, _BINS + 1)[1:-1], method="higher"))
    place = np.searchsorted(edges, probabilities, side="right")
    rows = np.bincount(place)
    filled = rows > 0
    sums = (np.bincount(place, weights=values)[filled] for values in (probabilities, targets))
    means, shares = (total / rows[filled] for total in sums)
    return CalibrationBins(rows[filled], means, shares)


def expected_calibration_error(targets: NDArray[np.int8], probabilities: NDArray[np.float64]) -> float:
    """Return by how much, on average, a bin's mean probability misses its share of defaults.

    The ten bins hold equally many applicants, but for equal probabilities, which share a bin.
    """
    return calibration_bins(targets, probabilities).error
