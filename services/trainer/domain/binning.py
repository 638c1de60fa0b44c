"""Bins of a column and the weight of evidence in each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# A bin in which nobody defaulted, or everybody, would have no finite weight: half an applicant more of each.
_HALF = 0.5


@dataclass(frozen=True)
class Bins:
    """A column cut at `edges`, each bin from an edge on to before the next; missing values have a bin of their own.

    WOE = ln(share of those who paid / share of those who defaulted) of a bin, 0 where both are the same.
    `information_value` is how far these shares lie apart over all bins: Siddiqi (2006), "Credit Risk Scorecards".
    """

    edges: tuple[float, ...]
    woes: tuple[float, ...]
    missing_woe: float
    information_value: float

    def apply(self, column: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the WOE of each value, (n_rows,)."""
        return np.array([*self.woes, self.missing_woe])[_bins(column, self.edges)]


def weigh(column: NDArray[np.float64], targets: NDArray[np.int8], edges: tuple[float, ...]) -> Bins:
    """Return the evidence in the bins that the edges cut the column (n_rows,) into, NaN being missing."""
    bins = _bins(column, edges)
    counts = [np.bincount(bins[targets == outcome], minlength=len(edges) + 2) for outcome in (0, 1)]
    filled = counts[0] + counts[1] > 0
    paid, defaulted = ((count + _HALF * filled) / (count + _HALF * filled).sum() for count in counts)
    # Where no row is, nothing is known: no evidence either way.
    woes = np.log(np.where(filled, paid, 1.0) / np.where(filled, defaulted, 1.0))
    value = float(((paid - defaulted) * woes).sum())
    return Bins(edges, tuple(woes[:-1].tolist()), float(woes[-1]), value)


def _bins(column: NDArray[np.float64], edges: tuple[float, ...]) -> NDArray[np.intp]:
    return np.where(np.isnan(column), len(edges) + 1, np.searchsorted(np.array(edges), column, side="right"))
