"""The kernel of trees.cpp in numba, for where there is no C++ compiler: the same operations in the same order.

Import it only where numba is installed (`find_numba`): the scorer's image has none, nor needs it.
"""

from typing import ClassVar

import numba
import numpy as np
from numpy.typing import NDArray

from shared.kernels.layout import FlatTrees
from shared.kernels.numba_loops import through_all
from shared.kernels.numba_trees import numba_trees, room_for

KERNEL_ID = f"quadrature-2-numba-{numba.__version__}"
"""Names the arithmetic, the compiler's version with it: contributions are equal to the bit for equal kernel ids."""

_BLOCK = 64  # rows that go through a tree while it is in the cache


class NumbaKernel:
    """Computes margins and contributions of one ensemble; any number of threads may call it at once."""

    kernel_id: ClassVar[str] = KERNEL_ID

    def __init__(self, trees: FlatTrees) -> None:
        """Take the trees and compile, or fetch from numba's cache, what computes them."""
        self.trees = trees
        self._arrays = numba_trees(trees)
        self.margins_and_contributions(np.zeros((1, trees.n_features)))

    def margins_and_contributions(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return margins (n_rows,) and contributions (n_rows, n_features) in log-odds, without the baseline.

        `values` has shape (n_rows, n_features), NaN where a value is missing. A row's result has the same bits whatever
        the other rows are.
        """
        rows = np.ascontiguousarray(values, dtype=np.float64)
        margins, contributions = np.empty(len(rows)), np.empty(rows.shape)
        for start in range(0, len(rows), _BLOCK):
            block = slice(start, start + _BLOCK)
            phi = np.zeros((rows.shape[1], len(margins[block])))
            room = room_for(self.trees, len(margins[block]))
            margins[block] = through_all(self._arrays, np.ascontiguousarray(rows[block].T), phi, room)
            contributions[block] = phi.T
        return margins, contributions
