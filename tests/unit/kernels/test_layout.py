"""The flat layout: where each tree begins, in which order its nodes lie, and what trees share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernels.layout import LANES, flatten
from shared.kernels.trees import Tree
from tests.unit.kernels.random_trees import N_FEATURES, random_tree

STUMP = Tree((), (0.5,), (10.0,))


@st.composite
def forests(draw: st.DrawFn) -> list[Tree]:
    """Draw up to four trees of one to seven leaves."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return [random_tree(generator, leaves) for leaves in draw(st.lists(st.integers(1, 7), max_size=4))]


@given(forests())
def test_trees_lie_one_after_the_other(trees: list[Tree]) -> None:
    """Roots count nodes, first leaves count leaves; leaf values are all there, in order."""
    flat = flatten(trees, N_FEATURES)

    assert np.diff(flat.roots).tolist() == [len(tree.nodes) for tree in trees]
    assert flat.first_leaves.tolist() == [sum(len(t.leaves) for t in trees[:place]) for place in range(len(trees))]
    assert flat.leaves.tolist() == [value for tree in trees for value in tree.leaves]
    assert flat.max_nodes == max((len(tree.nodes) for tree in trees), default=0)
    assert flat.baseline == pytest.approx(sum(tree.expectation for tree in trees))


@given(forests())
def test_nodes_are_in_preorder(trees: list[Tree]) -> None:
    """A left child that is a node comes next; every node but the root has one parent, which comes before it."""
    flat = flatten(trees, N_FEATURES)

    for start, end in zip(flat.roots[:-1], flat.roots[1:], strict=True):
        nodes = flat.nodes[start:end]
        inner = [(place, int(n[side])) for place, n in enumerate(nodes) for side in ("left", "right")]
        parents = [(parent, child) for parent, child in inner if child < len(nodes)]
        assert all(
            nodes["left"][place] in (place + 1, *range(len(nodes), 2 * len(nodes) + 1)) for place in range(len(nodes))
        )
        assert sorted(child for _, child in parents) == list(range(1, len(nodes)))
        assert all(parent < child for parent, child in parents)


@given(forests())
def test_equal_trees_share_their_tables(trees: list[Tree]) -> None:
    """Twice the forest needs not one more row of quadrature, and rows begin where vector loads want them."""
    once, twice = flatten(trees, N_FEATURES), flatten([*trees, *trees], N_FEATURES)

    assert twice.shares.tobytes() == once.shares.tobytes()
    assert twice.weights.tobytes() == once.weights.tobytes()
    assert twice.nodes["row"].tolist() == once.nodes["row"].tolist() * 2
    assert all(row % LANES == 0 for row in once.nodes["row"])
    # numpy gives an empty array any address at all.
    assert all(table.ctypes.data % (8 * LANES) == 0 for table in (once.shares, once.weights) if len(table))


def test_a_tree_without_a_split_is_its_leaf_alone() -> None:
    """It takes no node, no quadrature point and no table."""
    flat = flatten([STUMP, STUMP], N_FEATURES)

    assert flat.roots.tolist() == [0, 0, 0]
    assert flat.points.tolist() == [0, 0]
    assert (len(flat.nodes), len(flat.shares), flat.baseline) == (0, 0, 1.0)
