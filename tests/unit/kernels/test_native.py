"""The compiled kernel against the definition of Shapley values, and against itself row by row."""

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import Precondition
from shared.kernels.layout import flatten
from shared.kernels.native import LIBRARY, PATHS, NativeKernel, paths
from shared.kernels.trees import Missing, Node, Tree
from tests.unit.kernels.random_trees import N_FEATURES, random_rows, random_tree
from tests.unit.kernels.shapley import expected, shapley_values

SETTINGS = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def chain(n_features: int) -> Tree:
    """Return a tree whose longest path splits once on each of so many features."""
    nodes = tuple(
        Node(
            feature=place,
            threshold=0.0,
            missing=Missing.NAN,
            default_left=True,
            left=-1 - place,
            right=place + 1 if place + 1 < n_features else -1 - n_features,
            cover=float(n_features + 1 - place),
        )
        for place in range(n_features)
    )
    leaves = tuple(float(place) for place in range(n_features + 1))
    return Tree(nodes, leaves, (1.0,) * (n_features + 1))


@SETTINGS
@given(seed=st.integers(0, 2**32 - 1), leaves=st.lists(st.integers(1, 12), min_size=1, max_size=3))
def test_contributions_are_shapley_values(library: Path, seed: int, leaves: list[int]) -> None:
    """For random trees with every kind of split, by the definition over all subsets of features."""
    generator = np.random.default_rng(seed)
    trees = [random_tree(generator, count) for count in leaves]
    rows = random_rows(generator, 6)

    flat = flatten(trees, N_FEATURES)
    margins, contributions = NativeKernel(library, flat).margins_and_contributions(rows)

    by_definition = np.array([sum(shapley_values(tree, row) for tree in trees) for row in rows])
    assert np.max(np.abs(contributions - by_definition)) <= 1e-12
    assert margins.tolist() == [sum(expected(tree, row, range(N_FEATURES)) for tree in trees) for row in rows]
    assert np.max(np.abs(flat.baseline + contributions.sum(axis=1) - margins)) <= 1e-12


@SETTINGS
@given(seed=st.integers(0, 2**32 - 1), n_rows=st.integers(0, 150))
def test_a_row_has_the_same_bits_in_any_company(library: Path, seed: int, n_rows: int) -> None:
    """Alone, among few and among many: one row's arithmetic never depends on the others."""
    generator = np.random.default_rng(seed)
    kernel = NativeKernel(library, flatten([random_tree(generator, count) for count in (25, 1, 9)], N_FEATURES))
    rows = random_rows(generator, n_rows)

    margins, contributions = kernel.margins_and_contributions(rows)

    singles = [kernel.margins_and_contributions(row[np.newaxis]) for row in rows]
    assert margins.tobytes() == b"".join(margin.tobytes() for margin, _ in singles)
    assert contributions.tolist() == [single.tolist()[0] for _, single in singles]


@SETTINGS
@given(seed=st.integers(0, 2**32 - 1), n_rows=st.integers(1, 70))
def test_every_instruction_set_gives_the_same_bits(library: Path, seed: int, n_rows: int) -> None:
    """One kernel id stands for all of them: a decision made on one machine is replayed on another, bit for bit."""
    generator = np.random.default_rng(seed)
    trees = [chain(5), *(random_tree(generator, count) for count in (25, 1, 9))]
    flat = flatten(trees, N_FEATURES)
    rows = random_rows(generator, n_rows)

    found = [NativeKernel(library, flat, path=path).margins_and_contributions(rows) for path in paths(library)]

    assert len({margins.tobytes() for margins, _ in found}) == 1
    assert all(contributions.tolist() == found[0][1].tolist() for _, contributions in found)


@pytest.mark.parametrize("n_features", range(1, 33))
def test_instruction_sets_agree_on_paths_of_any_length(library: Path, n_features: int) -> None:
    """Every number of quadrature points has code of its own, in vectors of its own width; one row and many agree."""
    flat = flatten([chain(n_features)], n_features)
    rows = np.random.default_rng(n_features).normal(size=(19, n_features))

    kernels = [NativeKernel(library, flat, path=path) for path in paths(library)]
    together = [kernel.margins_and_contributions(rows)[1].tolist() for kernel in kernels]
    alone = [[kernel.margins_and_contributions(row[np.newaxis])[1].tolist()[0] for row in rows] for kernel in kernels]

    assert all(found == together[0] for found in together + alone)


def test_the_widest_vectors_are_taken_unasked(library: Path) -> None:
    """Plain code runs anywhere; what the machine cannot take is refused before it would be killed for it."""
    flat = flatten([chain(2)], 2)

    assert paths(library)[0] == "plain"
    assert set(paths(library)) <= set(PATHS)
    with pytest.raises(ValueError, match="cannot take the path mmx"):
        NativeKernel(library, flat, path="mmx")


@pytest.mark.parametrize("n_features", [1, 2, 7, 8, 9, 16, 17, 31, 32])
def test_long_paths_stay_exact(library: Path, n_features: int) -> None:
    """Contributions add up for every number of quadrature points that the kernel takes, up to 32 features on a path."""
    flat = flatten([chain(n_features)], n_features)
    rows = np.random.default_rng(n_features).normal(size=(9, n_features))

    margins, contributions = NativeKernel(library, flat).margins_and_contributions(rows)

    assert np.max(np.abs(flat.baseline + contributions.sum(axis=1) - margins)) <= 1e-12


def test_threads_share_a_kernel(library: Path) -> None:
    """Calls hold no lock and share nothing but what they read."""
    generator = np.random.default_rng(3)
    kernel = NativeKernel(library, flatten([random_tree(generator, 30) for _ in range(20)], N_FEATURES))
    rows = random_rows(generator, 500)
    expected_bytes = kernel.margins_and_contributions(rows)[1].tobytes()
    found: list[bytes] = []

    threads = [
        threading.Thread(target=lambda: found.append(kernel.margins_and_contributions(rows)[1].tobytes()))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [expected_bytes] * len(threads)


def test_too_long_a_path_is_left_to_the_library() -> None:
    """33 features on a path want 17 quadrature points, which the kernel has no room for."""
    with pytest.raises(Precondition, match="more than 32 features") as refused:
        flatten([chain(33)], 33)

    assert refused.value.reason == "KERNEL_UNFIT"


def test_a_side_without_training_rows_is_left_to_the_library() -> None:
    """Its share is 0, and what a feature adds there depends on the library's own rounding."""
    tree = Tree(chain(1).nodes, (0.0, 1.0), (2.0, 0.0))

    with pytest.raises(Precondition, match="no training row") as refused:
        flatten([tree], 1)

    assert refused.value.reason == "KERNEL_UNFIT"


@pytest.mark.parametrize("shape", [(3,), (2, N_FEATURES + 1), (1, 1, N_FEATURES)])
def test_other_shapes_are_refused(library: Path, shape: tuple[int, ...]) -> None:
    """Rows of another length would be read beyond their end."""
    kernel = NativeKernel(library, flatten([random_tree(np.random.default_rng(1), 4)], N_FEATURES))

    with pytest.raises(ValueError, match="n_rows"):
        kernel.margins_and_contributions(np.zeros(shape))


def test_without_a_compiler_nothing_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy is in the error, and no library is found afterwards."""
    monkeypatch.setenv("CXX", "no-such-compiler")

    with pytest.raises(Precondition) as refused:
        LIBRARY.build(tmp_path)

    assert refused.value.reason == "NO_COMPILER"
    assert LIBRARY.find(tmp_path) is None


def test_a_failing_compiler_leaves_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a compiler did not finish is never taken for the kernel."""
    monkeypatch.setenv("CXX", "false")

    with pytest.raises(Precondition) as refused:
        LIBRARY.build(tmp_path)

    assert refused.value.reason == "COMPILER_FAILED"
    assert list(tmp_path.iterdir()) == []


def test_built_library_is_found_again(library: Path) -> None:
    """By the digest of source and flags, so that another source never runs by mistake."""
    assert LIBRARY.find(library.parent) == library == LIBRARY.path(library.parent)
    assert LIBRARY.build(library.parent) == library
