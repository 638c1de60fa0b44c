"""The kernel in numba: what serves where there is no C++ compiler, and how near it is to the compiled one."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.kernels import native
from shared.kernels.layout import flatten
from shared.kernels.native import NativeKernel
from shared.kernels.numba_kernel import NumbaKernel
from tests.unit.kernels.random_trees import N_FEATURES, random_rows, random_tree
from tests.unit.kernels.test_native import chain

SETTINGS = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
SEEDS = st.integers(0, 2**32 - 1)


@SETTINGS
@given(seed=SEEDS, n_rows=st.integers(0, 70))
def test_it_agrees_with_the_compiled_kernel(library: Path, seed: int, n_rows: int) -> None:
    """For every kind of split: margins to the bit, contributions within what two kernels may differ by."""
    generator = np.random.default_rng(seed)
    flat = flatten([random_tree(generator, leaves) for leaves in (25, 1, 9, 3)], N_FEATURES)
    rows = random_rows(generator, n_rows)

    margins, contributions = NumbaKernel(flat).margins_and_contributions(rows)

    compiled, explained = NativeKernel(library, flat).margins_and_contributions(rows)
    assert margins.tobytes() == compiled.tobytes()
    assert np.max(np.abs(contributions - explained), initial=0.0) <= 1e-12


@SETTINGS
@given(seed=SEEDS, n_rows=st.integers(1, 70))
def test_a_row_has_the_same_bits_in_any_company(seed: int, n_rows: int) -> None:
    """Alone its quadrature points lie side by side, among others the rows do: the sums are the same."""
    generator = np.random.default_rng(seed)
    kernel = NumbaKernel(flatten([random_tree(generator, leaves) for leaves in (25, 1, 9)], N_FEATURES))
    rows = random_rows(generator, n_rows)

    margins, contributions = kernel.margins_and_contributions(rows)

    singles = [kernel.margins_and_contributions(row[np.newaxis]) for row in rows]
    assert margins.tolist() == [float(margin[0]) for margin, _ in singles]
    assert contributions.tolist() == [single.tolist()[0] for _, single in singles]


def test_long_paths_stay_exact() -> None:
    """Contributions add up for every number of quadrature points, up to 32 features on a path."""
    for n_features in range(1, 33):
        flat = flatten([chain(n_features)], n_features)
        rows = np.random.default_rng(n_features).normal(size=(3, n_features))

        margins, contributions = NumbaKernel(flat).margins_and_contributions(rows)

        assert np.max(np.abs(flat.baseline + contributions.sum(axis=1) - margins)) <= 1e-12


def test_its_id_is_its_own() -> None:
    """A record tells which of the two computed it."""
    assert NumbaKernel.kernel_id != native.KERNEL_ID


def test_two_threads_compute_what_one_does() -> None:
    """Each call has its own room."""
    generator = np.random.default_rng(7)
    kernel = NumbaKernel(flatten([random_tree(generator, 31) for _ in range(20)], N_FEATURES))
    batches = [random_rows(generator, n_rows) for n_rows in (1, 70, 1, 16) * 5]
    expected = [kernel.margins_and_contributions(rows)[1].tobytes() for rows in batches]

    with ThreadPoolExecutor(2) as pool:
        found = [explained.tobytes() for _, explained in pool.map(kernel.margins_and_contributions, batches)]

    assert found == expected
