"""Tree ensembles in one flat layout, with everything that exact contributions need worked out beforehand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from shared.kernels.trees import Missing, Node, Tree, unfit

WIDTH = 8
"""Rows of the tables are padded to a multiple of it, that the widest vectors may read whole rows."""

MAX_POINTS = 16
"""Quadrature points that the kernel takes: paths of up to 32 distinct features."""

PLAIN, ZEROES, CATEGORICAL = 0, 1, 2
"""Kinds of split, as in trees.cpp."""

NODE = np.dtype(
    [
        ("threshold", np.float64),
        ("zero_ratio_zero", np.float64, 3),
        ("feature", np.int32),
        ("children", np.int32, 2),
        ("parent", np.int32),
        ("previous", np.int32),
        ("row", np.int32),
        ("words", np.int32),
        ("kind", np.uint8),
        ("absent_left", np.uint8),
        ("left_is_first", np.uint8),
        ("previous_second", np.uint8),
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
    inner: NDArray[np.int32]
    first_leaves: NDArray[np.int32]
    points: NDArray[np.int32]
    rules: NDArray[np.int32]
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
    builder = _Builder()
    for tree in trees:
        builder.add(tree)
    return builder.finish(n_features)


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
    """Rows of (1 - t) z / f and z / f^2 for each share z and number of points, f = z + t (1 - z); see trees.cpp."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, float], int] = {}
        self._length = 0
        self.shares: list[NDArray[np.float64]] = []
        self.weights: list[NDArray[np.float64]] = []

    def row(self, points: int, share: float) -> int:
        """Return where the row begins, made on first use."""
        if (points, share) in self._rows:
            return self._rows[points, share]
        nodes, _ = _gauss_legendre(points)
        f = share + nodes * (1.0 - share)
        return self._add((points, share), (1.0 - nodes) * share / f, share / (f * f))

    def rule(self, points: int) -> int:
        """Return where the row with the quadrature's weights begins, among the `weights`; 0 if there is no point."""
        key = (points, 0.0)
        if not points or key in self._rows:
            return self._rows.get(key, 0)
        return self._add(key, np.zeros(points), _gauss_legendre(points)[1])

    def _add(self, key: tuple[int, float], shares: NDArray[np.float64], weights: NDArray[np.float64]) -> int:
        padding = (0, -len(shares) % WIDTH)
        self.shares.append(np.pad(shares, padding))
        self.weights.append(np.pad(weights, padding))
        start, self._length = self._length, self._length + len(self.shares[-1])
        self._rows[key] = start
        return start


@cache
def _gauss_legendre(points: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return (nodes + 1.0) / 2.0, weights / 2.0


@dataclass(frozen=True)
class _Split:
    """Where a path last split on a feature: the node, its side, the product of its cover ratios since the root."""

    node: int
    second: bool
    share: float


@dataclass(frozen=True)
class _Path:
    """What lies above a node: its parent's place and the last split on each feature."""

    parent: int
    splits: Mapping[int, _Split]


class _Builder:
    """Appends trees, node by node in their order."""

    def __init__(self) -> None:
        self._tables = _Tables()
        self._nodes: list[tuple[object, ...]] = []
        self._roots, self._inner, self._first_leaves = [0], list[int](), list[int]()
        self._points, self._rules = list[int](), list[int]()
        self._leaves, self._sets = list[float](), list[int]()
        self._baseline = 0.0

    def add(self, tree: Tree) -> None:
        """Append one tree."""
        points, places = _points(tree), _order(tree)
        self._baseline += tree.expectation
        self._inner.append(sum(_is_inner(tree.nodes[number]) for number in places))
        self._first_leaves.append(len(self._leaves))
        self._points.append(points)
        self._rules.append(self._tables.rule(points))
        self._leaves += tree.leaves
        above = {0: _Path(0, {})}
        for number, place in places.items():
            node, path = tree.nodes[number], above.pop(number)
            split = path.splits.get(node.feature, _Split(len(places), False, 1.0))
            ratio, children = _ratio(tree, node), _children(node)
            for child, second, share in zip(children, (False, True), (ratio, 1.0 - ratio), strict=True):
                below = _Split(place, second, split.share * share)
                above[child] = _Path(place, {**path.splits, node.feature: below})
            self._append(
                node,
                ratio=ratio,
                children=[_place(places, child) for child in children],
                parent=path.parent,
                split=split,
                row=self._tables.row(points, split.share),
            )
        self._roots.append(len(self._nodes))

    def _append(
        self, node: Node, *, ratio: float, children: Sequence[int], parent: int, split: _Split, row: int
    ) -> None:
        threshold, kind, words = node.threshold, ZEROES if node.missing is Missing.ZERO else PLAIN, 0
        if node.categories is not None:
            threshold, kind, words = float(len(self._sets)), CATEGORICAL, len(node.categories)
            self._sets += node.categories
        # Where nothing counts as missing, NaN is taken for zero.
        absent_left = node.threshold >= 0.0 if node.missing is Missing.NONE else node.default_left
        sides = (absent_left, _children(node)[0] == node.left, split.second)
        self._nodes.append(
            (threshold, (0.0, ratio, 0.0), node.feature, tuple(children), parent, split.node, row, words, kind, *sides)
        )

    def finish(self, n_features: int) -> FlatTrees:
        """Return the arrays."""
        return FlatTrees(
            n_features=n_features,
            max_nodes=int(max(np.diff(self._roots), default=0)),
            baseline=self._baseline,
            nodes=np.array(self._nodes, dtype=NODE),
            roots=np.array(self._roots, dtype=np.int32),
            inner=np.array(self._inner, dtype=np.int32),
            first_leaves=np.array(self._first_leaves, dtype=np.int32),
            points=np.array(self._points, dtype=np.int32),
            rules=np.array(self._rules, dtype=np.int32),
            leaves=np.array(self._leaves, dtype=np.float64),
            sets=np.array(self._sets, dtype=np.uint32),
            shares=_aligned(self._tables.shares),
            weights=_aligned(self._tables.weights),
        )


def _is_inner(node: Node) -> bool:
    """Return whether a child of the node is a node."""
    return max(node.left, node.right) >= 0


def _children(node: Node) -> tuple[int, int]:
    """Return the node's children, a leaf second if there is one."""
    return (node.left, node.right) if node.left >= 0 or node.right < 0 else (node.right, node.left)


def _order(tree: Tree) -> dict[int, int]:
    """Return each node's place: level by level, so that neighbours wait for nothing of each other; leaf pairs last."""
    level = [0] if tree.nodes else []
    numbers: list[int] = []
    while level:
        numbers += level
        level = [child for number in level for child in _children(tree.nodes[number]) if child >= 0]
    numbers.sort(key=lambda number: not _is_inner(tree.nodes[number]))
    return {number: place for place, number in enumerate(numbers)}


def _place(places: Mapping[int, int], child: int) -> int:
    return places[child] if child >= 0 else len(places) - 1 - child


def _ratio(tree: Tree, node: Node) -> float:
    """Return the share of the node's training rows that went to its first child."""
    first, second = (tree.cover(child) for child in _children(node))
    if not (first > 0.0 and second > 0.0):
        raise unfit("a node was reached by no training row")
    return first / node.cover


def _aligned(rows: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the rows as one array that begins at a multiple of 64 bytes, as the kernel's vector loads want."""
    values = np.concatenate([np.empty(0), *rows])
    room = np.empty(len(values) + WIDTH)
    start = (-room.ctypes.data % (8 * WIDTH)) // 8
    room[start : start + len(values)] = values
    return room[start : start + len(values)]
