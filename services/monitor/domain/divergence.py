"""How far two binned distributions lie apart, and how surely they differ at all: whole matrices of them at once.

Counts are matrices (n_variables, n_bins), a row a variable; a row with fewer bins than columns ends in bins that are
empty on both sides. Every function returns one figure a row.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, chdtrc
from scipy.stats import hypergeom

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_HALF = 0.5  # what every bin is given before shares are taken (Jeffreys): an empty bin must not make infinity
_LEAST_EXPECTED = 5.0  # counts below which chi-squared's tail is no longer that of the statistic (Cochran, 1954)


def shares(counts: Counts, bins: Mask) -> Floats:
    """Return the share of each bin, smoothed by half a count; `bins` tells which columns are bins of a row."""
    smoothed = np.where(bins, counts + _HALF, 0.0)
    totals: Floats = smoothed.sum(axis=1, keepdims=True)
    return np.divide(smoothed, totals, out=np.zeros_like(smoothed), where=totals > 0)


def stability_index(current: Floats, reference: Floats) -> Floats:
    """Return the population stability index of shares: 0 for equal ones; from 0.1 on lenders call a shift moderate."""
    some = (current > 0) & (reference > 0)
    ratio = np.divide(current, reference, out=np.ones_like(current), where=some)
    index: Floats = ((current - reference) * np.log(ratio)).sum(axis=1)
    return index


def jensen_shannon(current: Floats, reference: Floats) -> Floats:
    """Return the Jensen-Shannon distance of shares in base 2, from 0 to 1."""
    middle = (current + reference) / 2
    divergence = (_relative_entropy(current, middle) + _relative_entropy(reference, middle)) / 2
    distance: Floats = np.sqrt(np.clip(divergence, 0.0, 1.0))
    return distance


def wasserstein(current: Floats, reference: Floats, centres: Floats) -> Floats:
    """Return the distance that mass moves between the bins' centres, in standard deviations of the reference.

    `centres` rise along each row and repeat the last one beyond its bins. 0 where all centres are one.
    """
    moved = np.abs(np.cumsum(current - reference, axis=1))[:, :-1]
    distance: Floats = (moved * np.diff(centres, axis=1)).sum(axis=1)
    mean = (reference * centres).sum(axis=1, keepdims=True)
    deviation = np.sqrt((reference * (centres - mean) ** 2).sum(axis=1))
    standardised: Floats = np.divide(distance, deviation, out=np.zeros_like(distance), where=deviation > 0)
    return standardised


def homogeneity_p(current: Counts, reference: Counts) -> Floats:
    """Return the p-value of Pearson's chi-squared test that both sides are drawn from one distribution.

    Bins that would be too rare for the test in so few rows are taken together, and with the smallest other one if they
    are too rare even so. 1 where fewer than two bins are left.
    """
    n, m = current.sum(axis=1, keepdims=True), reference.sum(axis=1, keepdims=True)
    # By the reference alone: bins that were chosen by the very counts to be tested would make small p-values of chance.
    expected = reference * (np.minimum(n, m) / np.maximum(m, 1))
    left, right = _merge(current, reference, expected)
    cells = left + right
    n, m = np.maximum(n, 1), np.maximum(m, 1)
    squares = (left * np.sqrt(m / n) - right * np.sqrt(n / m)) ** 2
    statistic = np.divide(squares, cells, out=np.zeros_like(squares), where=cells > 0).sum(axis=1)
    freedom = np.count_nonzero(cells, axis=1) - 1
    return np.where(freedom > 0, chdtrc(np.maximum(freedom, 1), statistic), 1.0)


def share_p(current: Counts, n: Counts, reference: Counts, m: Counts) -> Floats:
    """Return Fisher's exact two-sided p-value that counts of `n` and of `m` rows come from one share; all (n_rows,)."""
    together = current + reference
    low = hypergeom.cdf(current, n + m, together, n)
    high = hypergeom.sf(current - 1, n + m, together, n)
    both: Floats = np.minimum(1.0, 2.0 * np.minimum(low, high))
    return both


def range_p(outside: Counts, n: Counts, m: Counts) -> Floats:
    """Return the p-value of finding so many of `n` values outside the smallest and largest of `m` others; (n_rows,).

    For continuous values the number is negative binomial with two of the m + 1 gaps as its successes; ties and round
    numbers only make it smaller.
    """
    ratio = np.where(n + m > 0, n / np.maximum(n + m, 1), 0.0)
    return np.where(outside > 0, bdtr(1, outside + 1, 1.0 - ratio), 1.0)


def adjust(p_values: Floats) -> Floats:
    """Return Benjamini and Hochberg's adjusted p-values (1995): those up to q have a false discovery rate of q."""
    order = np.argsort(p_values)
    ranked = p_values[order] * len(p_values) / np.arange(1, len(p_values) + 1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum.accumulate(ranked[::-1])[::-1]
    return np.minimum(adjusted, 1.0)


def _relative_entropy(shares_of: Floats, base: Floats) -> Floats:
    some = (shares_of > 0) & (base > 0)
    ratio = np.divide(shares_of, base, out=np.ones_like(base), where=some)
    entropy: Floats = (shares_of * np.log2(ratio)).sum(axis=1)
    return entropy


def _merge(current: Counts, reference: Counts, expected: Floats) -> tuple[Floats, Floats]:
    """Return both sides with rare bins emptied into one more column, or into the smallest bin that is not rare."""
    rare = expected < _LEAST_EXPECTED
    rest = np.where(rare, expected, 0.0).sum(axis=1)
    has_room = ~rare.all(axis=1)
    smallest = np.argmin(np.where(rare, np.inf, expected), axis=1)
    target = np.where((rest < _LEAST_EXPECTED) & has_room, smallest, expected.shape[1])
    merged = []
    for side in (current, reference):
        kept = np.pad(np.where(rare, 0, side), ((0, 0), (0, 1))).astype(np.float64)
        kept[np.arange(len(side)), target] += np.where(rare, side, 0).sum(axis=1)
        merged.append(kept)
    return merged[0], merged[1]
