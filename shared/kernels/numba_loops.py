"""The arithmetic of quadrature.hpp in numba: the same operations in the same order.

All of it stands in one file, since numba keeps machine code by the file of the function that is called: it would not
see a change elsewhere.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.features.compiled import compiled, inlined
from shared.kernels.layout import CATEGORICAL, ZEROES
from shared.kernels.numba_trees import LANES, NumbaTree, NumbaTrees, Room

Doubles: TypeAlias = NDArray[np.float64]
Four: TypeAlias = tuple[float, float, float, float]
Place: TypeAlias = int | np.uintp

_ZERO = 1.0000000180025095e-35  # kZero of trees.cpp
# Unsigned, since numba makes a float of an unsigned number and a signed one.
_START, _ONE, _TWO, _THREE, _LANES = np.uintp(0), np.uintp(1), np.uintp(2), np.uintp(3), np.uintp(LANES)


@compiled
def through_all(a: NumbaTrees, x: Doubles, phi: Doubles, room: Room) -> Doubles:
    """Return the margins of rows (n_features, n_rows), and add what each feature contributes to `phi`."""
    margins = np.zeros(x.shape[1])
    for fields in a.trees:
        tree = NumbaTree(fields[0], fields[1], fields[2], fields[3], fields[4], fields[5], fields[6])
        _decide(a, tree, x, room)
        if x.shape[1] == 1:
            _alone(a, tree, phi, room)
        else:
            _together(a, tree, phi, room)
        for r in range(len(margins)):
            margins[r] += room.reached[0, r]
    return margins


@inlined
def _goes_left(threshold: float, kind: int, absent_left: bool, value: float) -> bool:
    if kind == ZEROES and -_ZERO <= value <= _ZERO:
        return absent_left
    return bool((value <= threshold) | (np.isnan(value) & absent_left))


@inlined
def _in_set(sets: NDArray[np.uint32], first: float, words: int, value: float) -> bool:
    if not -1.0 < value < 32.0 * words:
        return False
    category = int(value)
    return bool((sets[int(first) + category // 32] >> np.uint32(category % 32)) & np.uint32(1))


@inlined
def _decide(a: NumbaTrees, tree: NumbaTree, x: Doubles, room: Room) -> None:
    """Say where rows go at each node, and what share enters each child: constant + slope (1 - t) z / f."""
    room.second[tree.nodes, :], room.dead[tree.nodes, :] = False, False
    for i in range(tree.nodes):
        node = a.nodes[tree.root + i]
        feature, previous, ratio, first, second = node.feature, node.previous, node.ratio, node.first, node.second
        kind, threshold, words = node.kind, node.threshold, node.words
        absent_left, left_is_first, side = node.absent_left, node.left_is_first, node.previous_second
        for r in range(x.shape[1]):
            if kind == CATEGORICAL:
                left = _in_set(a.sets, threshold, words, x[feature, r])
            else:
                left = _goes_left(threshold, kind, absent_left, x[feature, r])
            to_second = left != left_is_first
            dead = room.dead[previous, r] | (room.second[previous, r] != side)
            room.second[i, r], room.dead[i, r] = to_second, dead
            alive = 0.0 if to_second else 1.0
            constant = ratio if dead else alive
            slope = 0.0 if dead else ratio - alive
            room.constant[first, r], room.slope[first, r] = constant, slope
            room.constant[second, r], room.slope[second, r] = 1.0 - constant, -slope


@inlined
def _alone(a: NumbaTrees, tree: NumbaTree, phi: Doubles, room: Room) -> None:
    """Take one row through a tree, four quadrature points at a time; what the tables are padded with adds nothing."""
    width = tree.padded
    for leaf in range(tree.nodes + _ONE):
        value, place = a.leaves[tree.first_leaf + leaf], tree.nodes + leaf
        room.reached[place, 0] = value
        for at in range(place * width, (place + _ONE) * width):
            room.weights_alone[at] = value
    if tree.nodes:
        for q in range(width):
            room.weights_alone[q] = a.weights[tree.rule + q]
        for i in range(_ONE, tree.nodes):
            _descend_alone(a, tree, i, room)
        for i in range(tree.inner, tree.nodes):
            _rise_alone(a, tree, i, phi, room)
        for step in range(tree.inner):
            _rise_alone(a, tree, tree.inner - _ONE - step, phi, room)


@inlined
def _descend_alone(a: NumbaTrees, tree: NumbaTree, i: Place, room: Room) -> None:
    """Set P of a node from its parent's."""
    constant, slope, width, weights = room.constant[i, 0], room.slope[i, 0], tree.padded, room.weights_alone
    parent = a.nodes[tree.root + i].parent
    row = a.nodes[tree.root + parent].row
    for q in range(_START, width, _LANES):
        share = _share(constant, slope, _read(a.shares, row + q))
        _write(weights, i * width + q, _product(_read(weights, parent * width + q), share))


@inlined
def _rise_alone(a: NumbaTrees, tree: NumbaTree, i: Place, phi: Doubles, room: Room) -> None:
    """Set R of a node from its children's, and add what its feature contributes."""
    node, width, leaves, weights = a.nodes[tree.root + i], tree.padded, i >= tree.inner, room.weights_alone
    first, second, row = node.first, node.second, node.row
    constant, slope = room.constant[first, 0], room.slope[first, 0]
    sums = (0.0, 0.0, 0.0, 0.0)
    for q in range(_START, width, _LANES):
        path, below = _read(weights, i * width + q), _read(weights, second * width + q)
        difference = _difference(_read(weights, first * width + q), below)
        # Of two leaves the difference is the same at every point: the sum is multiplied once.
        term = path if leaves else _product(path, difference)
        sums = _sum(sums, _product(term, _read(a.weights, row + q)))
        share = _share(constant, slope, _read(a.shares, row + q))
        _write(weights, i * width + q, _sum(below, _product(share, difference)))
    total = (sums[0] + sums[2]) + (sums[1] + sums[3])
    if leaves:
        total *= room.reached[first, 0] - room.reached[second, 0]
    phi[node.feature, 0] -= slope * total
    room.reached[i, 0] = room.reached[second if room.second[i, 0] else first, 0]


@inlined
def _read(numbers: Doubles, at: Place) -> Four:
    return numbers[at], numbers[at + _ONE], numbers[at + _TWO], numbers[at + _THREE]


@inlined
def _write(numbers: Doubles, at: Place, four: Four) -> None:
    numbers[at], numbers[at + _ONE], numbers[at + _TWO], numbers[at + _THREE] = four


@inlined
def _share(constant: float, slope: float, shares: Four) -> Four:
    a, b, c, d = shares
    return constant + slope * a, constant + slope * b, constant + slope * c, constant + slope * d


@inlined
def _sum(a: Four, b: Four) -> Four:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]


@inlined
def _difference(a: Four, b: Four) -> Four:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3]


@inlined
def _product(a: Four, b: Four) -> Four:
    return a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3]


@inlined
def _together(a: NumbaTrees, tree: NumbaTree, phi: Doubles, room: Room) -> None:
    """Take rows through a tree side by side."""
    for leaf in range(tree.nodes + _ONE):
        value, place = a.leaves[tree.first_leaf + leaf], tree.nodes + leaf
        room.reached[place, :] = value
        room.weights[place, : tree.points, :] = value
    if tree.nodes:
        for q in range(tree.points):
            room.weights[0, q, :] = a.weights[tree.rule + q]
        for i in range(_ONE, tree.nodes):
            _descend(a, tree, i, room)
        for i in range(tree.inner, tree.nodes):
            _rise(a, tree, i, phi, room)
        for step in range(tree.inner):
            _rise(a, tree, tree.inner - _ONE - step, phi, room)


@inlined
def _descend(a: NumbaTrees, tree: NumbaTree, i: Place, room: Room) -> None:
    """Set P of a node from its parent's."""
    weights, parent = room.weights, a.nodes[tree.root + i].parent
    row = a.nodes[tree.root + parent].row
    for q in range(tree.points):
        share = a.shares[row + q]
        for r in range(weights.shape[2]):
            weights[i, q, r] = weights[parent, q, r] * (room.constant[i, r] + room.slope[i, r] * share)


@inlined
def _rise(a: NumbaTrees, tree: NumbaTree, i: Place, phi: Doubles, room: Room) -> None:
    """Set R of a node from its children's, and add what its feature contributes."""
    node, leaves, weights = a.nodes[tree.root + i], i >= tree.inner, room.weights
    first, second, row = node.first, node.second, node.row
    room.sums[:] = 0.0
    for q in range(tree.points):
        share, weight, lane = a.shares[row + q], a.weights[row + q], q % _LANES
        for r in range(weights.shape[2]):
            below = weights[second, q, r]
            difference = weights[first, q, r] - below
            # Of two leaves the difference is the same at every point: the sum is multiplied once.
            room.sums[lane, r] += weights[i, q, r] * (1.0 if leaves else difference) * weight
            weights[i, q, r] = below + (room.constant[first, r] + room.slope[first, r] * share) * difference
    for r in range(weights.shape[2]):
        total = (room.sums[0, r] + room.sums[2, r]) + (room.sums[1, r] + room.sums[3, r])
        if leaves:
            total *= room.reached[first, r] - room.reached[second, r]
        phi[node.feature, r] -= room.slope[first, r] * total
        room.reached[i, r] = room.reached[second if room.second[i, r] else first, r]
