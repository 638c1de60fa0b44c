"""Trees and the numbers around them, kept as arrays: every number bit by bit, and nothing that could run."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.bundle.arrays import arrays_from_bytes, arrays_to_bytes
from shared.kernels.trees import Missing, Node, Tree

_NUMBERS = ("n_features", "intercept", "takes_missing_values")
_SPLITS = ("feature", "threshold", "missing_left", "left", "right", "cover")
_NAMES = (*_NUMBERS, "splits", *_SPLITS, "value", "leaf_cover")


@dataclass(frozen=True)
class Ensemble:
    """Trees whose leaves add up, from the intercept on, to a margin.

    Raises ValueError for what makes none on so many features: a split on categories or without a side for missing
    values, a child that is none, has two parents or comes before its own, a leaf that is not finite, a node that no
    training row reached.
    """

    trees: tuple[Tree, ...]
    n_features: int
    intercept: float
    takes_missing_values: bool

    def __post_init__(self) -> None:
        if not math.isfinite(self.intercept):
            raise ValueError("the intercept must be finite")
        for tree in self.trees:
            for node in tree.nodes:
                _check_node(node, self.n_features)
            _check_leaves(tree)
            _check_children(tree.nodes)

    def to_bytes(self) -> bytes:
        """Return the ensemble as an npz: `splits` counts those of each tree, the rest lies one tree after the other."""
        nodes = [node for tree in self.trees for node in tree.nodes]
        return arrays_to_bytes(
            {
                **{name: np.array(getattr(self, name), dtype=np.float64) for name in _NUMBERS},
                "splits": np.array([len(tree.nodes) for tree in self.trees], dtype=np.int32),
                "feature": np.array([node.feature for node in nodes], dtype=np.int32),
                "threshold": np.array([node.threshold for node in nodes], dtype=np.float64),
                "missing_left": np.array([node.default_left for node in nodes], dtype=np.bool_),
                "left": np.array([node.left for node in nodes], dtype=np.int32),
                "right": np.array([node.right for node in nodes], dtype=np.int32),
                "cover": np.array([node.cover for node in nodes], dtype=np.float64),
                "value": np.array([leaf for tree in self.trees for leaf in tree.leaves], dtype=np.float64),
                "leaf_cover": np.array([cover for tree in self.trees for cover in tree.leaf_covers], dtype=np.float64),
            }
        )


def ensemble_from_bytes(content: bytes) -> Ensemble:
    """Return the ensemble that `to_bytes` wrote; raises ValueError, TypeError or KeyError for anything else."""
    arrays = arrays_from_bytes(content, _NAMES)
    return Ensemble(
        trees=tuple(_trees(arrays)),
        n_features=int(arrays["n_features"]),
        intercept=float(arrays["intercept"]),
        takes_missing_values=bool(arrays["takes_missing_values"]),
    )


def _trees(arrays: Mapping[str, NDArray[np.float64]]) -> Iterator[Tree]:
    splits = list(zip(*(arrays[name].tolist() for name in _SPLITS), strict=True))
    leaves = list(zip(arrays["value"].tolist(), arrays["leaf_cover"].tolist(), strict=True))
    counts = [int(count) for count in arrays["splits"].tolist()]
    if len(splits) != sum(counts) or len(leaves) != sum(counts) + len(counts):
        raise ValueError("there are other splits or leaves than the trees count")
    for count in counts:
        nodes, splits = splits[:count], splits[count:]
        reached, leaves = leaves[: count + 1], leaves[count + 1 :]
        values, covers = zip(*reached, strict=True)
        yield Tree(tuple(_node(node) for node in nodes), values, covers)


def _node(numbers: tuple[float, ...]) -> Node:
    feature, threshold, missing_left, left, right, cover = numbers
    return Node(int(feature), threshold, Missing.NAN, bool(missing_left), int(left), int(right), cover)


def _check_node(node: Node, n_features: int) -> None:
    if node.categories is not None or node.missing is not Missing.NAN:
        raise ValueError("a split must be on a number, with a side for missing values")
    # A threshold may be infinite: missing values alone go right there.
    if math.isnan(node.threshold) or not 0 <= node.feature < n_features:
        raise ValueError(f"a split must be at a number, on one of {n_features} features")
    if not 0.0 < node.cover < math.inf:
        raise ValueError("every split must have been reached by training rows")


def _check_leaves(tree: Tree) -> None:
    if not len(tree.leaves) == len(tree.leaf_covers) == len(tree.nodes) + 1:
        raise ValueError("a tree must have one leaf more than it has splits")
    if not all(math.isfinite(leaf) for leaf in tree.leaves) or not all(0.0 < c < math.inf for c in tree.leaf_covers):
        raise ValueError("every leaf must be finite and have been reached by training rows")


def _check_children(nodes: Sequence[Node]) -> None:
    children = [child for node in nodes for child in (node.left, node.right)]
    wanted = [*range(-len(nodes) - 1, 0), *range(1, len(nodes))] if nodes else []
    later = all(child < 0 or child > place // 2 for place, child in enumerate(children))
    if sorted(children) != wanted or not later:
        raise ValueError("every split and leaf but the root must be the child of one split before it")
