"""What Shapley values must satisfy whatever the trees are, held against the compiled kernel."""

from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared.kernels.layout import flatten
from shared.kernels.native import NativeKernel
from shared.kernels.trees import Missing, Node, Tree
from tests.unit.kernels.random_trees import N_FEATURES, random_rows, random_tree

SETTINGS = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
SEEDS = st.integers(0, 2**32 - 1)


def contributions(library: Path, trees: list[Tree], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the kernel's contributions, (n_rows, n_features)."""
    return NativeKernel(library, flatten(trees, rows.shape[1])).margins_and_contributions(rows)[1]


def ensemble(generator: np.random.Generator, count: int) -> list[Tree]:
    """Return some random trees."""
    return [random_tree(generator, int(generator.integers(2, 20))) for _ in range(count)]


@SETTINGS
@given(seed=SEEDS)
def test_contributions_of_an_ensemble_are_those_of_its_parts(library: Path, seed: int) -> None:
    """Additivity (Shapley, 1953): two models scored apart contribute what they do together."""
    generator = np.random.default_rng(seed)
    first, second, rows = ensemble(generator, 3), ensemble(generator, 2), random_rows(generator, 9)

    together = contributions(library, first + second, rows)

    apart = contributions(library, first, rows) + contributions(library, second, rows)
    assert np.max(np.abs(together - apart)) <= 1e-12


@SETTINGS
@given(seed=SEEDS)
def test_a_feature_that_no_tree_asks_for_contributes_nothing(library: Path, seed: int) -> None:
    """Exactly zero: such a feature must not be told as a reason, however small."""
    generator = np.random.default_rng(seed)
    trees, rows = ensemble(generator, 4), random_rows(generator, 7)
    unused = np.full((len(rows), 3), np.nan)

    found = contributions(library, trees, np.hstack([rows, unused]))

    assert not found[:, N_FEATURES:].any()
    assert found[:, :N_FEATURES].tolist() == contributions(library, trees, rows).tolist()


@SETTINGS
@given(seed=SEEDS)
def test_the_order_of_rows_changes_nothing(library: Path, seed: int) -> None:
    """A permutation of the rows permutes the answers, to the bit."""
    generator = np.random.default_rng(seed)
    trees, rows = ensemble(generator, 4), random_rows(generator, 70)
    order = generator.permutation(len(rows))

    assert contributions(library, trees, rows[order]).tolist() == contributions(library, trees, rows)[order].tolist()


@SETTINGS
@given(seed=SEEDS, factor=st.sampled_from([-2.0, 0.5, 4.0]))
def test_contributions_scale_with_the_leaves(library: Path, seed: int, factor: float) -> None:
    """Twice the log-odds in every leaf, twice the reasons: powers of two lose no bit."""
    generator = np.random.default_rng(seed)
    trees, rows = ensemble(generator, 3), random_rows(generator, 6)
    scaled = [Tree(tree.nodes, tuple(factor * leaf for leaf in tree.leaves), tree.leaf_covers) for tree in trees]

    assert contributions(library, scaled, rows).tolist() == (factor * contributions(library, trees, rows)).tolist()


@SETTINGS
@given(seed=SEEDS, feature=st.integers(0, N_FEATURES - 1))
def test_features_take_their_contributions_along(library: Path, seed: int, feature: int) -> None:
    """Symmetry: with two columns swapped in trees and rows alike, their contributions swap."""
    generator = np.random.default_rng(seed)
    trees, rows = ensemble(generator, 3), random_rows(generator, 6)
    places = np.arange(N_FEATURES)
    places[[0, feature]] = places[[feature, 0]]
    swapped = [_renumbered(tree, places) for tree in trees]

    assert (
        contributions(library, swapped, rows[:, places]).tolist()
        == contributions(library, trees, rows)[:, places].tolist()
    )


def test_one_split_gives_the_textbook_answer(library: Path) -> None:
    """A stump moves the margin from the mean of its leaves to the leaf reached, and its feature gets all of that."""
    stump = Tree((Node(1, 0.5, Missing.NAN, True, -1, -2, 100.0),), (1.0, -1.0), (25.0, 75.0))
    rows = np.array([[9.0, 0.0], [9.0, 0.5], [9.0, 0.6], [9.0, np.nan]])

    flat = flatten([stump], 2)
    margins, found = NativeKernel(library, flat).margins_and_contributions(rows)

    assert flat.baseline == -0.5
    assert margins.tolist() == [1.0, 1.0, -1.0, 1.0]
    assert found.tolist() == [[0.0, 1.5], [0.0, 1.5], [0.0, -0.5], [0.0, 1.5]]


def _renumbered(tree: Tree, places: NDArray[np.intp]) -> Tree:
    nodes = tuple(Node(**{**vars(node), "feature": int(places[node.feature])}) for node in tree.nodes)
    return Tree(nodes, tree.leaves, tree.leaf_covers)
