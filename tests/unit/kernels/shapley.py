"""Shapley values by their definition, over every subset of features: slow, and plainly right."""

from collections.abc import Collection
from itertools import combinations
from math import factorial

import numpy as np
from numpy.typing import NDArray

from shared.kernels.trees import Missing, Node, Tree


def shapley_values(tree: Tree, row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each feature's value of the path-dependent game of one tree (Lundberg et al., 2020, algorithm 1)."""
    n = len(row)
    values = np.zeros(n)
    for feature in range(n):
        others = [other for other in range(n) if other != feature]
        for size in range(n):
            weight = factorial(size) * factorial(n - size - 1) / factorial(n)
            for known in combinations(others, size):
                values[feature] += weight * (expected(tree, row, {*known, feature}) - expected(tree, row, known))
    return values


def expected(tree: Tree, row: NDArray[np.float64], known: Collection[int], child: int = 0) -> float:
    """Return the leaf value expected where only the known features are told, by the cover of the training rows."""
    if not tree.nodes:
        return tree.leaves[0]
    if child < 0:
        return tree.leaves[-1 - child]
    node = tree.nodes[child]
    if node.feature in known:
        return expected(tree, row, known, node.left if goes_left(node, row[node.feature]) else node.right)
    return sum(tree.cover(side) / node.cover * expected(tree, row, known, side) for side in (node.left, node.right))


def goes_left(node: Node, value: float) -> bool:
    """Return where a value goes, by LightGBM's rules."""
    if node.categories is not None:
        category = int(value) if value > -1 else -1
        return 0 <= category < 32 * len(node.categories) and bool(node.categories[category // 32] >> category % 32 & 1)
    if np.isnan(value) and node.missing is not Missing.NAN:
        value = 0.0
    if np.isnan(value) or (node.missing is Missing.ZERO and abs(value) <= 1e-35):
        return node.default_left
    return bool(value <= node.threshold)
