"""What the loops of numba_loops.py read and write: an ensemble as one record for each tree and node, and their room."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.kernels.layout import FlatTrees

LANES = 4
"""A sum over quadrature points is kept in so many, whatever goes side by side: their order decides on its bits."""

# NODE of layout.py, byte by byte. Places are unsigned, and so are never looked at as counted from the end.
_NODE = np.dtype(
    [
        ("threshold", np.float64),
        ("zero", np.float64),
        ("ratio", np.float64),
        ("zero_again", np.float64),
        ("feature", np.uint32),
        ("first", np.uint32),
        ("second", np.uint32),
        ("parent", np.uint32),
        ("previous", np.uint32),
        ("row", np.uint32),
        ("words", np.uint32),
        ("kind", np.uint8),
        ("absent_left", np.bool_),
        ("left_is_first", np.bool_),
        ("previous_second", np.bool_),
    ]
)


class NumbaTree(NamedTuple):
    """One tree: its first node, how many it has and how many of them have a node below, and so on as in FlatTrees.

    `padded` is the next multiple of LANES to its points; the tables have so many numbers in a row.
    """

    root: int
    nodes: int
    inner: int
    first_leaf: int
    points: int
    padded: int
    rule: int


class NumbaTrees(NamedTuple):
    """The arrays of FlatTrees; `trees` has the fields of a NumbaTree in a row."""

    trees: NDArray[np.uintp]
    nodes: NDArray[np.void]
    leaves: NDArray[np.float64]
    sets: NDArray[np.uint32]
    shares: NDArray[np.float64]
    weights: NDArray[np.float64]


def numba_trees(flat: FlatTrees) -> NumbaTrees:
    """Return the ensemble, which shares the memory of `flat`."""
    padded, nodes = _padded(flat.points), np.diff(flat.roots)
    fields = (flat.roots[:-1], nodes, flat.inner, flat.first_leaves, flat.points, padded, flat.rules)
    trees = np.ascontiguousarray(np.stack(fields, axis=1), dtype=np.uintp)
    return NumbaTrees(trees, flat.nodes.view(_NODE), flat.leaves, flat.sets, flat.shares, flat.weights)


class Room(NamedTuple):
    """What is kept of one tree, by places of nodes and leaves, and by rows.

    `weights` are P on the way down and R on the way up, by points and rows; in `weights_alone` are those of one row, by
    points, padded. `second` says that a row goes to a node's second child, `dead` that the presence of the node's
    feature changes nothing; the share of its weight that enters a child is constant + slope (1 - t) z / f.
    """

    second: NDArray[np.bool_]
    dead: NDArray[np.bool_]
    constant: NDArray[np.float64]
    slope: NDArray[np.float64]
    reached: NDArray[np.float64]
    weights: NDArray[np.float64]
    weights_alone: NDArray[np.float64]
    sums: NDArray[np.float64]


def room_for(flat: FlatTrees, n_rows: int) -> Room:
    """Return room for so many rows in any tree of the ensemble; one call at a time may use it."""
    places, points = 2 * flat.max_nodes + 1, flat.points.max(initial=0)
    second, dead = np.empty((2, places, n_rows), dtype=np.bool_)
    constant, slope, reached = np.empty((3, places, n_rows))
    weights, alone = np.empty((places, points, n_rows)), np.empty(places * _padded(points))
    return Room(second, dead, constant, slope, reached, weights, alone, np.empty((LANES, n_rows)))


def _padded(points: NDArray[np.int32]) -> NDArray[np.int32]:
    return (points + LANES - 1) // LANES * LANES
