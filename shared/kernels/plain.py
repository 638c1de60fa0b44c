"""The compiled kernel's arithmetic in numpy: the same bits, for where it was not compiled, and any length of path."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.kernels.layout import CATEGORICAL, ZEROES, FlatTrees

_BLOCK = 512  # rows at once, so that what is kept of a tree stays small
_ZERO = 1.0000000180025095e-35  # kZero of trees.cpp
_WORD = 32
_LANES = 4


class PlainKernel:
    """Computes margins and contributions of one ensemble; any number of threads may call it at once."""

    def __init__(self, trees: FlatTrees) -> None:
        self.trees = trees

    def margins(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sums of the leaves reached, in tree order: (n_rows, n_features) to (n_rows,)."""
        blocks = [self._margins(values[start : start + _BLOCK]) for start in range(0, len(values), _BLOCK)]
        return np.concatenate([np.empty(0), *blocks])

    def margins_and_contributions(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return margins (n_rows,) and contributions (n_rows, n_features) in log-odds, without the baseline.

        `values` has shape (n_rows, n_features), NaN where a value is missing. A row's result has the same bits whatever
        the other rows are.
        """
        margins, contributions = np.zeros(len(values)), np.zeros(values.shape)
        for start in range(0, len(values), _BLOCK):
            rows = slice(start, start + _BLOCK)
            phi = np.zeros((self.trees.n_features, len(margins[rows])))
            for tree in range(len(self.trees.points)):
                margins[rows] += _through(self.trees, tree, values[rows].T, phi)
            contributions[rows] = phi.T
        return margins, contributions

    def _margins(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        trees = self.trees
        counts = np.diff(trees.roots)
        places = np.zeros((len(values), len(counts)), dtype=np.int64)
        while len(inside := np.argwhere(places < counts)):
            row, tree = inside.T
            nodes = trees.nodes[trees.roots[tree] + places[row, tree]]
            first = _go_first(trees, nodes, values[row, nodes["feature"]])
            places[row, tree] = np.where(first, *nodes["children"].T)
        reached = np.zeros((len(values), len(counts) + 1))
        reached[:, 1:] = trees.leaves[trees.first_leaves + places - counts]
        # A running sum has one order of additions whatever the number of rows; np.sum may choose others.
        return np.ascontiguousarray(np.add.accumulate(reached, axis=1)[:, -1])


def _through(
    trees: FlatTrees, tree: int, x: NDArray[np.float64], phi: NDArray[np.float64]
) -> NDArray[np.float64] | float:
    """Return the leaves that rows (n_features, n_rows) reach, and add what each feature contributes to `phi`.

    The names are those of trees.cpp, which says what is computed.
    """
    nodes = trees.nodes[trees.roots[tree] : trees.roots[tree + 1]]
    n, points = len(nodes), int(trees.points[tree])
    leaves = trees.leaves[trees.first_leaves[tree] :][: n + 1]
    if not n:
        return float(leaves[0])
    shape = (2 * n + 1, points, x.shape[1])
    p, r = np.ones(shape), np.broadcast_to(np.concatenate([np.zeros(n), leaves])[:, None, None], shape).copy()
    p[0] = trees.weights[trees.rules[tree] :][:points, None]
    first, alive = np.zeros((n + 1, x.shape[1]), dtype=np.bool_), np.ones((n + 1, x.shape[1]), dtype=np.bool_)
    constant, slope = np.empty((n, x.shape[1])), np.empty((n, x.shape[1]))
    first[n] = True
    for i, node in enumerate(nodes):
        first[i] = _go_first(trees, node, x[node["feature"]])
        alive[i] = alive[node["previous"]] & (first[node["previous"]] != node["previous_second"])
        ratio = node["zero_ratio_zero"][1]
        constant[i] = np.where(alive[i], np.where(first[i], 1.0, 0.0), ratio)
        slope[i] = np.where(alive[i], np.where(first[i], ratio - 1.0, ratio), 0.0)
        shares = _table(trees.shares, node, points)
        p[node["children"][0]] = p[i] * (constant[i] + slope[i] * shares)
        p[node["children"][1]] = p[i] * ((1.0 - constant[i]) - slope[i] * shares)
    reached = r[:, 0].copy()
    inner = int(trees.inner[tree])
    for i in (*range(inner, n), *reversed(range(inner))):
        node = nodes[i]
        to_first, to_second = node["children"]
        difference = r[to_first] - r[to_second]
        r[i] = r[to_second] + (constant[i] + slope[i] * _table(trees.shares, node, points)) * difference
        weights = _table(trees.weights, node, points)
        # Of two leaves the difference is the same at every point: it is multiplied once.
        sums = _lane_sum(p[i] * difference * weights) if i < inner else _lane_sum(p[i] * weights) * difference[0]
        phi[node["feature"]] -= slope[i] * sums
        reached[i] = np.where(first[i], reached[to_first], reached[to_second])
    return np.asarray(reached[0], dtype=np.float64)


def _table(table: NDArray[np.float64], node: Any, points: int) -> NDArray[np.float64]:
    """Return the node's row of a table, (points, 1)."""
    return table[node["row"] : node["row"] + points, None]


def _lane_sum(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum over quadrature points (points, n_rows), in the kernel's order: every fourth, then the four."""
    lanes = [np.zeros(terms.shape[1]) for _ in range(_LANES)]
    for q, term in enumerate(terms):
        lanes[q % _LANES] = lanes[q % _LANES] + term
    return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])


def _go_first(trees: FlatTrees, nodes: Any, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which values go to the first child, each at its node or all at one."""
    return np.asarray(_go_left(trees, nodes, values) == (nodes["left_is_first"] != 0), dtype=np.bool_)


def _go_left(trees: FlatTrees, nodes: Any, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where values go, each at its node or all at one."""
    absent = np.isnan(values)
    left = (values <= nodes["threshold"]) | (absent & (nodes["absent_left"] != 0))
    if np.any(nodes["kind"] == ZEROES):
        unset = absent | (np.abs(values) <= _ZERO)
        left = np.where((nodes["kind"] == ZEROES) & unset, nodes["absent_left"] != 0, left)
    if np.any(nodes["kind"] == CATEGORICAL):
        left = np.where(nodes["kind"] == CATEGORICAL, _in_set(trees, nodes, values), left)
    return np.asarray(left, dtype=np.bool_)


def _in_set(trees: FlatTrees, nodes: Any, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    known = (values > -1.0) & (values < _WORD * nodes["words"])
    categories = np.where(known, values, 0.0).astype(np.int64)
    first = np.where(nodes["kind"] == CATEGORICAL, nodes["threshold"], 0.0).astype(np.int64)
    words = trees.sets[np.where(known, first + categories // _WORD, 0)]
    return np.asarray(known & ((words >> (categories % _WORD).astype(np.uint32) & 1) == 1), dtype=np.bool_)
