"""The kernel in numpy: the compiled one's bits, and the definition of Shapley values beyond what that one takes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.kernels.layout import flatten
from shared.kernels.native import NativeKernel
from shared.kernels.plain import PlainKernel
from tests.unit.kernels.random_trees import N_FEATURES, random_rows, random_tree
from tests.unit.kernels.shapley import expected, shapley_values
from tests.unit.kernels.test_native import chain

SETTINGS = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
SEEDS = st.integers(0, 2**32 - 1)


@SETTINGS
@given(seed=SEEDS, n_rows=st.integers(0, 30))
def test_it_has_the_bits_of_the_compiled_kernel(library: Path, seed: int, n_rows: int) -> None:
    """For every kind of split, so that a decision is replayed bit for bit with a compiler and without."""
    generator = np.random.default_rng(seed)
    flat = flatten([random_tree(generator, leaves) for leaves in (25, 1, 9, 3)], N_FEATURES)
    rows = random_rows(generator, n_rows)

    margins, contributions = PlainKernel(flat).margins_and_contributions(rows)

    compiled, explained = NativeKernel(library, flat).margins_and_contributions(rows)
    assert margins.tobytes() == compiled.tobytes()
    assert contributions.tolist() == explained.tolist()


@SETTINGS
@given(seed=SEEDS, leaves=st.lists(st.integers(1, 9), min_size=1, max_size=3))
def test_contributions_are_shapley_values(seed: int, leaves: list[int]) -> None:
    """By the definition over all subsets of features, where no compiler is at hand either."""
    generator = np.random.default_rng(seed)
    trees = [random_tree(generator, count) for count in leaves]
    rows = random_rows(generator, 3)

    margins, contributions = PlainKernel(flatten(trees, N_FEATURES)).margins_and_contributions(rows)

    by_definition = np.array([sum(shapley_values(tree, row) for tree in trees) for row in rows])
    assert np.max(np.abs(contributions - by_definition)) <= 1e-12
    assert margins.tolist() == [sum(expected(tree, row, range(N_FEATURES)) for tree in trees) for row in rows]


@SETTINGS
@given(seed=SEEDS)
def test_margins_alone_are_the_same_margins(seed: int) -> None:
    """Thousands of rows are evaluated by them while a model is tuned."""
    generator = np.random.default_rng(seed)
    kernel = PlainKernel(flatten([random_tree(generator, leaves) for leaves in (14, 1, 5)], N_FEATURES))
    rows = random_rows(generator, 40)

    assert kernel.margins(rows).tobytes() == kernel.margins_and_contributions(rows)[0].tobytes()


def test_blocks_of_rows_change_nothing() -> None:
    """A row has the same bits alone and among more than a block holds."""
    generator = np.random.default_rng(5)
    kernel = PlainKernel(flatten([random_tree(generator, 12)], N_FEATURES))
    rows = random_rows(generator, 1100)

    margins, contributions = kernel.margins_and_contributions(rows)

    for place in (0, 511, 512, 1099):
        alone, explained = kernel.margins_and_contributions(rows[place : place + 1])
        assert (alone[0], explained[0].tolist()) == (margins[place], contributions[place].tolist())
    assert kernel.margins(rows).tobytes() == margins.tobytes()


@pytest.mark.parametrize("n_features", [33, 60])
def test_paths_too_long_for_the_compiled_kernel_stay_exact(n_features: int) -> None:
    """There are as many quadrature points as the longest path wants."""
    flat = flatten([chain(n_features)], n_features, max_points=n_features)
    rows = np.random.default_rng(n_features).normal(size=(5, n_features))

    margins, contributions = PlainKernel(flat).margins_and_contributions(rows)

    assert np.max(np.abs(flat.baseline + contributions.sum(axis=1) - margins)) <= 1e-12


def test_no_rows_and_no_trees_have_no_answers() -> None:
    """An empty window is no error, and an ensemble of nothing says nothing."""
    some = PlainKernel(flatten([random_tree(np.random.default_rng(1), 4)], N_FEATURES))
    none = PlainKernel(flatten([], N_FEATURES))

    assert some.margins(np.empty((0, N_FEATURES))).shape == (0,)
    assert some.margins_and_contributions(np.empty((0, N_FEATURES)))[1].shape == (0, N_FEATURES)
    assert none.margins(np.ones((2, N_FEATURES))).tolist() == [0.0, 0.0]
