"""Tree ensembles in one flat layout, with everything that exact contributions need worked out beforehand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from shared.kernels.trees import Missing, Node, Tree, unfit

LANES = 4
MAX_POINTS = 16
"""Quadrature points that the kernel takes: paths of up to 32 distinct features."""

PLAIN, ZEROES, CATEGORICAL = 0, 1, 2
"""Kinds of split, as in trees.cpp."""

NODE = np.dtype(
    [
        ("threshold", np.float64),
        ("left_ratio", np.float64),
        ("feature", np.int32),
        ("left", np.int32),
        ("right", np.int32),
        ("previous", np.int32),
        ("previous_left", np.int32),
        ("row", np.int32),
        ("words", np.int32),
        ("kind", np.uint8),
        ("absent_left", np.uint8),
        ("unused", np.uint8, 2),
    ]
)
"""`Node` of trees.cpp, which says what each field is."""


@dataclass(frozen=True)
class FlatTrees:
    """The arrays of `Trees` in trees.cpp, which says what each is.

    `baseline` is the sum of the trees' expectations: what contributions are counted from.
    """

    n_features: int
    max_nodes: int
    baseline: float
    nodes: NDArray[np.void]
    roots: NDArray[np.int32]
    first_leaves: NDArray[np.int32]
    points: NDArray[np.int32]
    leaves: NDArray[np.float64]
    sets: NDArray[np.uint32]
    shares: NDArray[np.float64]
    weights: NDArray[np.float64]


def flatten(trees: Sequence[Tree], n_features: int, *, max_points: int = MAX_POINTS) -> FlatTrees:
    """Return the flat layout of the trees, for a kernel that takes so many quadrature points.

    Raises Precondition (KERNEL_UNFIT) for a path of more distinct features than twice the points, or a node that no
    training row reached: contributions are not defined there.
    """
    _refuse_long_paths(trees, max_points)
    builder = _Builder(_Tables())
    for tree in trees:
        builder.add(tree)
    return builder.finish(n_features)


@dataclass(frozen=True)
class _Split:
    """Where a path last split on a feature: the node, its side, the product of its cover ratios since the root."""

    node: int
    left: bool
    share: float


def _points(tree: Tree) -> int:
    """Return how many quadrature points make the tree's contributions exact: half the distinct features of a path."""
    return (max((len(path) for path in _feature_paths(tree)), default=0) + 1) // 2


def _feature_paths(tree: Tree) -> Iterator[frozenset[int]]:
    waiting = [(0, frozenset[int]())] if tree.nodes else []
    while waiting:
        number, above = waiting.pop()
        node = tree.nodes[number]
        features = above | {node.feature}
        yield features
        waiting += [(child, features) for child in (node.left, node.right) if child >= 0]


def _refuse_long_paths(trees: Sequence[Tree], max_points: int) -> None:
    if max((_points(tree) for tree in trees), default=0) > max_points:
        raise unfit(f"a path splits on more than {2 * max_points} features")


class _Tables:
    """Rows of (1 - t) z / f and w z / f^2 for each share z and number of points, f = z + t (1 - z); see trees.cpp."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, float], int] = {}
        self._length = 0
        self.shares: list[NDArray[np.float64]] = []
        self.weights: list[NDArray[np.float64]] = []

    def row(self, points: int, share: float) -> int:
        """Return where the row begins, made on first use."""
        key = (points, share)
        if key not in self._rows:
            nodes, weights = _gauss_legendre(points)
            f = share + nodes * (1.0 - share)
            padding = (0, -points % LANES)
            self.shares.append(np.pad((1.0 - nodes) * share / f, padding))
            self.weights.append(np.pad(weights * share / (f * f), padding))
            self._rows[key] = self._length
            self._length += points + padding[1]
        return self._rows[key]


@cache
def _gauss_legendre(points: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return (nodes + 1.0) / 2.0, weights / 2.0


class _Builder:
    """Appends trees, node by node in preorder."""

    def __init__(self, tables: _Tables) -> None:
        self._tables = tables
        self._nodes: list[tuple[object, ...]] = []
        self._roots, self._first_leaves, self._points = [0], list[int](), list[int]()
        self._leaves, self._sets = list[float](), list[int]()
        self._baseline = 0.0

    def add(self, tree: Tree) -> None:
        """Append one tree."""
        self._baseline += tree.expectation
        self._points.append(_points(tree))
        self._first_leaves.append(len(self._leaves))
        self._leaves += tree.leaves
        places = _preorder(tree)
        above: dict[int, dict[int, _Split]] = {0: {}}
        for number, place in places.items():
            node, splits = tree.nodes[number], above.pop(number)
            last = splits.get(node.feature, _Split(len(places), False, 1.0))
            ratio = _ratio(tree, node)
            for child, left, share in ((node.left, True, ratio), (node.right, False, 1.0 - ratio)):
                if child >= 0:
                    above[child] = {**splits, node.feature: _Split(place, left, last.share * share)}
            children = (_place(places, node.left), _place(places, node.right))
            self._append(node, ratio, children, last, self._tables.row(self._points[-1], last.share))
        self._roots.append(len(self._nodes))

    def _append(self, node: Node, ratio: float, children: tuple[int, int], last: _Split, row: int) -> None:
        threshold, kind, words = node.threshold, ZEROES if node.missing is Missing.ZERO else PLAIN, 0
        if node.categories is not None:
            threshold, kind, words = float(len(self._sets)), CATEGORICAL, len(node.categories)
            self._sets += node.categories
        # Where nothing counts as missing, NaN is taken for zero.
        absent_left = node.threshold >= 0.0 if node.missing is Missing.NONE else node.default_left
        self._nodes.append(
            (threshold, ratio, node.feature, *children, last.node, last.left, row, words, kind, absent_left, 0)
        )

    def finish(self, n_features: int) -> FlatTrees:
        """Return the arrays."""
        return FlatTrees(
            n_features=n_features,
            max_nodes=int(max(np.diff(self._roots), default=0)),
            baseline=self._baseline,
            nodes=np.array(self._nodes, dtype=NODE),
            roots=np.array(self._roots, dtype=np.int32),
            first_leaves=np.array(self._first_leaves, dtype=np.int32),
            points=np.array(self._points, dtype=np.int32),
            leaves=np.array(self._leaves, dtype=np.float64),
            sets=np.array(self._sets, dtype=np.uint32),
            shares=_aligned(self._tables.shares),
            weights=_aligned(self._tables.weights),
        )


def _preorder(tree: Tree) -> dict[int, int]:
    """Return each node's place in preorder, in that order."""
    places: dict[int, int] = {}
    waiting = [0] if tree.nodes else []
    while waiting:
        number = waiting.pop()
        places[number] = len(places)
        node = tree.nodes[number]
        waiting += [child for child in (node.right, node.left) if child >= 0]
    return places


def _place(places: Mapping[int, int], child: int) -> int:
    return places[child] if child >= 0 else len(places) - 1 - child


def _ratio(tree: Tree, node: Node) -> float:
    left, right = tree.cover(node.left), tree.cover(node.right)
    if not (left > 0.0 and right > 0.0):
        raise unfit("a node was reached by no training row")
    return left / node.cover


def _aligned(rows: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the rows as one array that begins at a multiple of 32 bytes, as the kernel's vector loads want."""
    values = np.concatenate([np.empty(0), *rows])
    room = np.empty(len(values) + LANES)
    start = (-room.ctypes.data % (8 * LANES)) // 8
    room[start : start + len(values)] = values
    return room[start : start + len(values)]
