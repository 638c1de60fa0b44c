"""Pearson correlation between all columns at once, over the rows where both have a value."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def correlated_partners(values: NDArray[np.float64], bound: float) -> dict[int, tuple[int, float]]:
    """Return, for each column that must go, the kept earlier column it correlates with most and how strongly.

    `values` is (n_rows, n_columns), NaN = missing. Columns are taken from left to right; one goes if its absolute
    correlation with an earlier column that stayed exceeds the bound. Constant columns correlate with nothing.
    """
    strengths = absolute_correlations(values)
    partners: dict[int, tuple[int, float]] = {}
    kept = np.zeros(len(strengths), dtype=np.bool_)
    for place in range(len(strengths)):
        candidates = np.where(kept, strengths[place], 0.0)
        strongest = int(np.argmax(candidates))
        if candidates[strongest] > bound:
            partners[place] = (strongest, float(candidates[strongest]))
        else:
            kept[place] = True
    return partners


def absolute_correlations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (n_columns, n_columns) absolute Pearson correlations over pairwise complete rows, 0 if not defined."""
    return np.abs(pairwise_correlations(values)[0])


def pairwise_correlations(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Pearson correlations over pairwise complete rows and the numbers of those, each (n_columns, n_columns).

    0 where it is not defined: fewer than two common rows, or one of the columns constant over them.
    """
    present = (~np.isnan(values)).astype(np.float64)
    scaled = _standardised(values)
    common = present.T @ present
    sums = scaled.T @ present
    squares = (scaled**2).T @ present
    with np.errstate(divide="ignore", invalid="ignore"):
        products = scaled.T @ scaled - sums * sums.T / common
        spreads = squares - sums**2 / common
        # What rounding leaves of a constant column's spread is no variation.
        spreads[spreads <= _ROUNDING * common] = 0.0
        correlations = products / np.sqrt(spreads * spreads.T)
    return np.where(np.isfinite(correlations), np.clip(correlations, -1.0, 1.0), 0.0), common


@dataclass(frozen=True)
class Correlation:
    """How two columns, by their places, go together over the rows that have values of both."""

    left: int
    right: int
    strength: float
    common_rows: int


def strongest_correlations(
    values: NDArray[np.float64], *, most: int, least_rows: int, place: int | None = None
) -> list[Correlation]:
    """Return the strongest correlations by absolute value, of all pairs or of the column at `place` with the others.

    Pairs with fewer than `least_rows` common rows are left out. Of equal strengths the earlier columns come first.
    """
    correlations, common = pairwise_correlations(values)
    lefts, rights = _pairs(len(correlations), place)
    enough = common[lefts, rights] >= least_rows
    lefts, rights = lefts[enough], rights[enough]
    found = correlations[lefts, rights]
    order = np.argsort(-np.abs(found), kind="stable")[:most]
    return [
        Correlation(int(lefts[at]), int(rights[at]), float(found[at]), int(common[lefts[at], rights[at]]))
        for at in order
    ]


def _pairs(columns: int, place: int | None) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    if place is None:
        return np.triu_indices(columns, k=1)
    others = np.delete(np.arange(columns), place)
    return np.full_like(others, place), others


_ROUNDING = 1e-12


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre and scale each column and put 0 for missing values, so that the sums of products keep their digits."""
    missing = np.isnan(values)
    counts = np.maximum((~missing).sum(axis=0), 1)
    centred = np.where(missing, 0.0, values)
    centred -= np.where(missing, 0.0, centred.sum(axis=0) / counts)
    scales = np.sqrt((centred**2).sum(axis=0) / counts)
    return np.asarray(centred / np.where(scales > 0.0, scales, 1.0), dtype=np.float64)
