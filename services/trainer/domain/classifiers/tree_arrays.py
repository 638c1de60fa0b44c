"""Trees out of the arrays that scikit-learn keeps them in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.kernels.trees import Missing, Node, Tree


@dataclass(frozen=True)
class TreeArrays:
    """One element a node, the root first: splits and leaves alike; what a leaf has no use for is not read.

    `left` and `right` are nodes, `covers` the training rows (or their weights) that reached a node, `values` the
    log-odds of leaves.
    """

    is_leaf: NDArray[np.bool_]
    features: NDArray[np.intp]
    thresholds: NDArray[np.float64]
    missing_left: NDArray[np.bool_]
    left: NDArray[np.intp]
    right: NDArray[np.intp]
    covers: NDArray[np.float64]
    values: NDArray[np.float64]

    def tree(self) -> Tree:
        """Return the tree, splits and leaves in the order of the nodes."""
        names = self._names()
        columns = (self.features, self.thresholds, self.missing_left, self.left, self.right, self.covers)
        splits = zip(*(column[~self.is_leaf].tolist() for column in columns), strict=True)
        nodes = tuple(
            Node(int(feature), threshold, Missing.NAN, bool(missing_left), names[left], names[right], cover)
            for feature, threshold, missing_left, left, right, cover in splits
        )
        return Tree(nodes, tuple(self.values[self.is_leaf].tolist()), tuple(self.covers[self.is_leaf].tolist()))

    def _names(self) -> Sequence[int]:
        """Return each node's number among the splits, or -1 - its number among the leaves."""
        split, leaf = np.cumsum(~self.is_leaf) - 1, -1 * np.cumsum(self.is_leaf)
        return [int(name) for name in np.where(self.is_leaf, leaf, split)]
