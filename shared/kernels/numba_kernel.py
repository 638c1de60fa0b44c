"""The kernel of trees.cpp in numba, for where there is no C++ compiler: the same operations in the same order.

Import it only where numba is installed (`find_numba`): the scorer's image has none, nor needs it.
"""

from typing import ClassVar, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from shared.features.compiled import compiled
from shared.kernels.layout import CATEGORICAL, ZEROES, FlatTrees

KERNEL_ID = f"quadrature-2-numba-{numba.__version__}"
"""Names the arithmetic, the compiler's version with it: contributions are equal to the bit for equal kernel ids."""

_ZERO = 1.0000000180025095e-35  # kZero of trees.cpp
_BLOCK = 64  # rows that go through a tree while it is in the cache
_LANES = 4


class _Arrays(NamedTuple):
    """The arrays of FlatTrees, a node's fields apart."""

    threshold: NDArray[np.float64]
    ratio: NDArray[np.float64]
    feature: NDArray[np.int32]
    children: NDArray[np.int32]
    parent: NDArray[np.int32]
    previous: NDArray[np.int32]
    row: NDArray[np.int32]
    words: NDArray[np.int32]
    kind: NDArray[np.uint8]
    absent_left: NDArray[np.uint8]
    left_is_first: NDArray[np.uint8]
    previous_second: NDArray[np.uint8]
    roots: NDArray[np.int32]
    inner: NDArray[np.int32]
    first_leaves: NDArray[np.int32]
    points: NDArray[np.int32]
    rules: NDArray[np.int32]
    leaves: NDArray[np.float64]
    sets: NDArray[np.uint32]
    shares: NDArray[np.float64]
    weights: NDArray[np.float64]


class NumbaKernel:
    """Computes margins and contributions of one ensemble; any number of threads may call it at once."""

    kernel_id: ClassVar[str] = KERNEL_ID

    def __init__(self, trees: FlatTrees) -> None:
        """Take the trees and compile, or fetch from numba's cache, what computes them."""
        self.trees = trees
        nodes = trees.nodes
        fields = {
            name: np.ascontiguousarray(nodes[name]) for name in _Arrays._fields if name in (nodes.dtype.names or ())
        }
        fields["ratio"] = np.ascontiguousarray(nodes["zero_ratio_zero"][:, 1])
        self._arrays = _Arrays(**fields, **{n: getattr(trees, n) for n in _Arrays._fields if n not in fields})
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
            room = _room(self.trees, len(margins[block]))
            margins[block] = _through_all(self._arrays, np.ascontiguousarray(rows[block].T), phi, room)
            contributions[block] = phi.T
        return margins, contributions


class _Room(NamedTuple):
    """What is kept of one tree, by places of nodes and leaves; `weights` are P on the way down and R on the way up."""

    second: NDArray[np.uint8]
    dead: NDArray[np.uint8]
    constant: NDArray[np.float64]
    slope: NDArray[np.float64]
    reached: NDArray[np.float64]
    weights: NDArray[np.float64]
    weights_alone: NDArray[np.float64]
    sums: NDArray[np.float64]


def _room(trees: FlatTrees, n_rows: int) -> _Room:
    places = 2 * trees.max_nodes + 1
    second, dead = np.empty((2, places, n_rows), dtype=np.uint8)
    constant, slope, reached = np.empty((3, places, n_rows))
    weights = np.empty((places, int(trees.points.max(initial=0)), n_rows))
    alone = weights[:, :, :1].reshape(places, -1)
    return _Room(second, dead, constant, slope, reached, weights, alone, np.empty((_LANES, n_rows)))


@compiled
def _goes_left(threshold: float, kind: int, absent_left: bool, value: float) -> bool:
    if kind == ZEROES and -_ZERO <= value <= _ZERO:
        return absent_left
    return value <= threshold or bool(np.isnan(value) and absent_left)


@compiled
def _in_set(sets: NDArray[np.uint32], first: float, words: int, value: float) -> bool:
    if not -1.0 < value < 32.0 * words:
        return False
    category = int(value)
    return bool((sets[int(first) + category // 32] >> np.uint32(category % 32)) & np.uint32(1))


@compiled
def _through_all(a: _Arrays, x: NDArray[np.float64], phi: NDArray[np.float64], room: _Room) -> NDArray[np.float64]:
    """Return the margins of rows (n_features, n_rows), and add what each feature contributes to `phi`."""
    margins = np.zeros(x.shape[1])
    for tree in range(len(a.points)):
        n = a.roots[tree + 1] - a.roots[tree]
        _spread_leaves(a, tree, n, room)
        if n:
            _decide(a, a.roots[tree], n, x, room)
            if x.shape[1] == 1:
                _descend_alone(a, tree, n, room)
                _rise_alone(a, tree, n, phi, room)
            else:
                _descend(a, tree, n, room)
                _rise(a, tree, n, phi, room)
        for r in range(len(margins)):
            margins[r] += room.reached[0, r]
    return margins


@compiled
def _spread_leaves(a: _Arrays, tree: int, n: int, room: _Room) -> None:
    for leaf in range(n + 1):
        value = a.leaves[a.first_leaves[tree] + leaf]
        for r in range(room.reached.shape[1]):
            room.reached[n + leaf, r] = value
        for q in range(a.points[tree]):
            for r in range(room.reached.shape[1]):
                room.weights[n + leaf, q, r] = value


@compiled
def _decide(a: _Arrays, root: int, n: int, x: NDArray[np.float64], room: _Room) -> None:
    """Say where rows go at each node, and what share enters each child: constant + slope (1 - t) z / f."""
    room.second[n, :], room.dead[n, :] = 0, 0
    for i in range(n):
        node = root + i
        previous, ratio, feature = a.previous[node], a.ratio[node], a.feature[node]
        threshold, kind = a.threshold[node], a.kind[node]
        absent_left, left_is_first = a.absent_left[node] != 0, a.left_is_first[node] != 0
        side, first_child, second_child = a.previous_second[node], a.children[node, 0], a.children[node, 1]
        for r in range(x.shape[1]):
            if kind == CATEGORICAL:
                left = _in_set(a.sets, threshold, a.words[node], x[feature, r])
            else:
                left = _goes_left(threshold, kind, absent_left, x[feature, r])
            second = np.uint8(left != left_is_first)
            dead = room.dead[previous, r] | (room.second[previous, r] ^ side)
            room.second[i, r], room.dead[i, r] = second, dead
            constant = ratio if dead else 1.0 - second
            slope = 0.0 if dead else ratio - (1.0 - second)
            room.constant[first_child, r], room.slope[first_child, r] = constant, slope
            room.constant[second_child, r], room.slope[second_child, r] = 1.0 - constant, -slope


@compiled
def _descend(a: _Arrays, tree: int, n: int, room: _Room) -> None:
    """Set P of each node from its parent's."""
    root, weights = a.roots[tree], room.weights
    for q in range(a.points[tree]):
        weights[0, q, :] = a.weights[a.rules[tree] + q]
    for i in range(1, n):
        parent = a.parent[root + i]
        for q in range(a.points[tree]):
            share = a.shares[a.row[root + parent] + q]
            for r in range(weights.shape[2]):
                weights[i, q, r] = weights[parent, q, r] * (room.constant[i, r] + room.slope[i, r] * share)


@compiled
def _rise(a: _Arrays, tree: int, n: int, phi: NDArray[np.float64], room: _Room) -> None:
    """Set R of each node from its children's, pairs of leaves first, and add what its feature contributes."""
    root, inner, weights = a.roots[tree], a.inner[tree], room.weights
    for step in range(n):
        i = inner + step if step < n - inner else n - 1 - step
        node = root + i
        to_first, to_second, row, feature = a.children[node, 0], a.children[node, 1], a.row[node], a.feature[node]
        room.sums[:] = 0.0
        for q in range(a.points[tree]):
            share, weight, lane = a.shares[row + q], a.weights[row + q], q % _LANES
            for r in range(weights.shape[2]):
                below = weights[to_second, q, r]
                difference = weights[to_first, q, r] - below
                # Of two leaves the difference is the same at every point: the sum is multiplied once.
                room.sums[lane, r] += weights[i, q, r] * (1.0 if i >= inner else difference) * weight
                weights[i, q, r] = below + (room.constant[to_first, r] + room.slope[to_first, r] * share) * difference
        for r in range(weights.shape[2]):
            total = (room.sums[0, r] + room.sums[2, r]) + (room.sums[1, r] + room.sums[3, r])
            if i >= inner:
                total *= room.reached[to_first, r] - room.reached[to_second, r]
            phi[feature, r] -= room.slope[to_first, r] * total
            room.reached[i, r] = room.reached[to_second if room.second[i, r] else to_first, r]


@compiled
def _descend_alone(a: _Arrays, tree: int, n: int, room: _Room) -> None:
    """Do what `_descend` does for one row, whose points lie side by side."""
    root, weights = a.roots[tree], room.weights_alone
    for q in range(a.points[tree]):
        weights[0, q] = a.weights[a.rules[tree] + q]
    for i in range(1, n):
        parent, constant, slope = a.parent[root + i], room.constant[i, 0], room.slope[i, 0]
        row = a.row[root + parent]
        for q in range(a.points[tree]):
            weights[i, q] = weights[parent, q] * (constant + slope * a.shares[row + q])


@compiled
def _rise_alone(a: _Arrays, tree: int, n: int, phi: NDArray[np.float64], room: _Room) -> None:
    """Do what `_rise` does for one row, whose points lie side by side."""
    root, inner, weights, sums = a.roots[tree], a.inner[tree], room.weights_alone, room.sums
    for step in range(n):
        i = inner + step if step < n - inner else n - 1 - step
        node = root + i
        to_first, to_second, row, feature = a.children[node, 0], a.children[node, 1], a.row[node], a.feature[node]
        constant, slope = room.constant[to_first, 0], room.slope[to_first, 0]
        sums[:, 0] = 0.0
        for q in range(a.points[tree]):
            below = weights[to_second, q]
            difference = weights[to_first, q] - below
            sums[q % _LANES, 0] += weights[i, q] * (1.0 if i >= inner else difference) * a.weights[row + q]
            weights[i, q] = below + (constant + slope * a.shares[row + q]) * difference
        total = (sums[0, 0] + sums[2, 0]) + (sums[1, 0] + sums[3, 0])
        if i >= inner:
            total *= room.reached[to_first, 0] - room.reached[to_second, 0]
        phi[feature, 0] -= slope * total
        room.reached[i, 0] = room.reached[to_second if room.second[i, 0] else to_first, 0]
