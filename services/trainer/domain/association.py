"""How strongly a column goes with a class or a categorical variable with another: eta², chi² and Cramér's V."""

import numpy as np
from numpy.typing import NDArray


def eta_squared(values: NDArray[np.float64], targets: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return, per column, the share of its variance that lies between the classes of the target, in [0, 1].

    `values` is (n_rows, n_columns), NaN = missing; each column is taken over its rows with a value. 0 where it is not
    defined: without values, or where they are all the same.
    """
    shares = np.zeros(values.shape[1])
    for place, column in enumerate(values.T):
        present = ~np.isnan(column)
        shares[place] = _explained(column[present], targets[present])
    return shares


def _explained(column: NDArray[np.float64], targets: NDArray[np.int8]) -> float:
    if not len(column) or column.min() == column.max():
        return 0.0
    centred = column - column.mean()
    parts = [centred[targets == target] for target in np.unique(targets)]
    between = sum(len(part) * part.mean() ** 2 for part in parts)
    return float(min(1.0, between / (centred**2).sum()))


def category_codes(columns: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return each row's category as a number from 0, out of the columns of one categorical variable.

    `columns` is (n_rows, n_columns), NaN = missing: one-hots, of which a row has at most one that is 1 (none: its level
    is missing, a category of its own), or a single column of coded levels.
    """
    if columns.shape[1] == 1:
        return np.unique(columns[:, 0], return_inverse=True)[1]
    hot = np.nan_to_num(columns)
    return np.where(hot.any(axis=1), hot.argmax(axis=1) + 1, 0)


def contingency(left: NDArray[np.intp], right: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return how many rows have each pair of categories that occur, (n_left, n_right); no row or column is all zero."""
    lefts, left_places = np.unique(left, return_inverse=True)
    rights, right_places = np.unique(right, return_inverse=True)
    cells = np.bincount(left_places * len(rights) + right_places, minlength=len(lefts) * len(rights))
    return cells.reshape(len(lefts), len(rights))


def chi_squared(counts: NDArray[np.int64]) -> float:
    """Return Pearson's chi² of a contingency table without empty rows or columns, not corrected for continuity."""
    total = counts.sum()
    if not total:
        return 0.0
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total
    return float(((counts - expected) ** 2 / expected).sum())


def cramers_v(counts: NDArray[np.int64]) -> float:
    """Return the bias-corrected Cramér's V of a contingency table without empty rows or columns, in [0, 1].

    Independent variables give about 0 however many levels they have, where the uncorrected one grows with them
    (Bergsma, "A bias-correction for Cramér's V and Tschuprow's T", Journal of the Korean Statistical Society 42, 2013).
    0 where a variable has one level alone.
    """
    total, (rows, columns) = int(counts.sum()), counts.shape
    if min(rows, columns) < 2 or total < 2:  # noqa: PLR2004  # a variable varies from two levels on
        return 0.0
    phi_squared = max(0.0, chi_squared(counts) / total - (rows - 1) * (columns - 1) / (total - 1))
    narrower = min(n - (n - 1) ** 2 / (total - 1) for n in (rows, columns)) - 1.0
    return float(min(1.0, np.sqrt(phi_squared / narrower))) if narrower > 0.0 else 0.0
