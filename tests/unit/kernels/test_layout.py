"""The flat layout: where each tree begins, in which order its nodes lie, and what trees share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernels.layout import WIDTH, flatten
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
def test_nodes_come_after_their_parents(trees: list[Tree]) -> None:
    """Every node but the root has one parent, which knows it; nodes with two leaves come last, single leaves second."""
    flat = flatten(trees, N_FEATURES)

    for start, end, inner in zip(flat.roots[:-1], flat.roots[1:], flat.inner, strict=True):
        nodes, n = flat.nodes[start:end], end - start
        below = [(place, int(child)) for place in range(n) for child in nodes["children"][place] if child < n]
        assert sorted(child for _, child in below) == list(range(1, n))
        assert all(parent < child and nodes["parent"][child] == parent for parent, child in below)
        assert (nodes["children"][:inner, 0] < n).all()
        assert (nodes["children"][inner:] >= n).all()


@given(forests())
def test_equal_trees_share_their_tables(trees: list[Tree]) -> None:
    """Twice the forest needs not one more row of quadrature, and rows begin where vector loads want them."""
    once, twice = flatten(trees, N_FEATURES), flatten([*trees, *trees], N_FEATURES)

    assert twice.shares.tobytes() == once.shares.tobytes()
    assert twice.weights.tobytes() == once.weights.tobytes()
    assert twice.nodes["row"].tolist() == once.nodes["row"].tolist() * 2
    assert all(row % WIDTH == 0 for row in once.nodes["row"])
    # numpy gives an empty array any address at all.
    assert all(table.ctypes.data % (8 * WIDTH) == 0 for table in (once.shares, once.weights) if len(table))


def test_a_tree_without_a_split_is_its_leaf_alone() -> None:
    """It takes no node, no quadrature point and no table."""
    flat = flatten([STUMP, STUMP], N_FEATURES)

    assert flat.roots.tolist() == [0, 0, 0]
    assert flat.points.tolist() == [0, 0]
    assert (len(flat.nodes), len(flat.shares), flat.baseline) == (0, 0, 1.0)
