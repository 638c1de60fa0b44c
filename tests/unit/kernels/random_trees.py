"""Random trees with every kind of split, and rows that reach all of their corners."""

import numpy as np
from numpy.typing import NDArray

from shared.kernels.trees import Missing, Node, Tree

N_FEATURES = 5


def random_tree(generator: np.random.Generator, leaves: int) -> Tree:
    """Return a tree of so many leaves, grown at random places; features repeat on its paths."""
    nodes: list[Node] = []
    covers = {-1: float(generator.integers(1000, 2000))}
    for number in range(leaves - 1):
        leaf = -1 - int(generator.integers(0, number + 1))
        new = -2 - number
        share = generator.uniform(0.05, 0.95)
        nodes = [_with_child(node, leaf, number) for node in nodes]
        nodes.append(_random_node(generator, left=leaf, right=new, cover=covers[leaf]))
        covers[new] = covers[leaf] * (1 - share)
        covers[leaf] *= share
    values = tuple(generator.normal(size=leaves).tolist())
    return Tree(tuple(nodes), values, tuple(covers[-1 - leaf] for leaf in range(leaves)))


def random_rows(generator: np.random.Generator, n_rows: int) -> NDArray[np.float64]:
    """Return rows (n_rows, 5) with missing values, both zeros, huge and negative numbers and categories."""
    rows = generator.normal(size=(n_rows, N_FEATURES))
    odd = [np.nan, 0.0, -0.0, 1e-36, 1e308, -1e308, -1.0, 3.0, 40.0, 1e12, -0.5]
    places = generator.random(rows.shape) < 0.4
    rows[places] = generator.choice(odd, size=int(places.sum()))
    return rows


def _with_child(node: Node, leaf: int, number: int) -> Node:
    """Return the node with node `number` in place of a leaf."""
    left, right = (number if child == leaf else child for child in (node.left, node.right))
    return Node(**{**vars(node), "left": left, "right": right})


def _random_node(generator: np.random.Generator, *, left: int, right: int, cover: float) -> Node:
    categorical = generator.random() < 0.2
    return Node(
        feature=int(generator.integers(0, N_FEATURES)),
        threshold=0.0 if generator.random() < 0.2 else float(generator.normal()),
        missing=Missing(int(generator.integers(0, 3))),
        default_left=bool(generator.random() < 0.5),
        left=left,
        right=right,
        cover=cover,
        categories=tuple(generator.integers(0, 2**32, size=2).tolist()) if categorical else None,
    )
