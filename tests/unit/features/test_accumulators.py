"""What is kept per group gives what numpy gives of the group's own values, however the rows come."""

from collections.abc import Sequence
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared.features.accumulators import accumulators_of
from shared.features.columns import FeatureColumn, Measure
from shared.features.keeping import InMemory
from shared.features.loops import count_rows
from shared.features.specification import Aggregation
from shared.features.workers import hired_workers

Features = dict[str, NDArray[np.float64]]
N_GROUPS = 5
NUMBERS: tuple[Aggregation, ...] = ("min", "max", "mean", "sum", "var", "nunique", "size")
LEVELS: tuple[Aggregation, ...] = ("min", "max", "mean", "sum", "var")


def measures(functions: Sequence[Aggregation], *, code: int | None = None) -> list[Measure]:
    """Return one measure of the column `x` per function, named as it."""
    return [Measure(FeatureColumn(name, "numeric", "table", ("x",)), "x", name, code) for name in functions]


def accumulated(
    wanted: Sequence[Measure],
    groups: NDArray[np.int32],
    values: NDArray[np.generic],
    *,
    chunk: int,
    never: bool = False,
) -> Features:
    """Return the features of all groups, the rows handed over in chunks of one length."""
    with hired_workers(1) as workers:
        taken = accumulators_of(wanted, N_GROUPS, InMemory(), never={"x"} if never else (), workers=workers)["x"]
    rows = np.zeros(N_GROUPS, dtype=np.int32)
    for begin in range(0, len(groups), chunk):
        part = slice(begin, begin + chunk)
        count_rows(groups[part], rows)
        for accumulator in taken:
            accumulator.add(groups[part], values[part])
    return {name: column for accumulator in taken for name, column in accumulator.columns(rows)}


def rows_of(seed: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return groups, -1 among them and one empty, and amounts close together, some of them missing."""
    generator = np.random.default_rng(seed)
    groups = generator.integers(-1, N_GROUPS - 1, 60).astype(np.int32)
    values = 1e6 + generator.integers(0, 30, 60) / 7
    values[generator.random(60) < 0.2] = nan
    return groups, values


def expected(values: NDArray[np.float64]) -> dict[Aggregation, float]:
    """Return every function of one group's values as numpy has them."""
    known = values[np.isfinite(values)]
    return {
        "size": len(values) or nan,
        "sum": float(np.sum(known)) if len(values) else nan,
        "nunique": len(np.unique(known)) if len(values) else nan,
        "min": float(np.min(known)) if len(known) else nan,
        "max": float(np.max(known)) if len(known) else nan,
        "mean": float(np.mean(known)) if len(known) else nan,
        "var": float(np.var(known, ddof=1)) if len(known) > 1 else nan,
    }


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_each_function_is_numpys_over_the_groups_rows(seed: int) -> None:
    """Also for the group without rows and for rows that belong nowhere."""
    groups, values = rows_of(seed)

    found = accumulated(measures(NUMBERS), groups, values, chunk=60)

    for group in range(N_GROUPS):
        wanted = expected(values[groups == group])
        for name in NUMBERS:
            assert found[name][group] == pytest.approx(wanted[name], rel=1e-9, nan_ok=True), (group, name)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), chunk=st.integers(1, 70))
def test_how_the_rows_are_cut_into_chunks_does_not_move_a_bit(seed: int, chunk: int) -> None:
    """Neither does who else is in the table: each group adds up its own values in their order."""
    groups, values = rows_of(seed)

    whole = accumulated(measures(NUMBERS), groups, values, chunk=60)
    cut = accumulated(measures(NUMBERS), groups, values, chunk=chunk)
    alone = accumulated(measures(NUMBERS), groups[groups == 2], values[groups == 2], chunk=chunk)

    for name in NUMBERS:
        np.testing.assert_array_equal(cut[name], whole[name])
        np.testing.assert_array_equal(alone[name][2], whole[name][2])


@pytest.mark.parametrize("functions", [("mean",), ("sum",), ("sum", "mean"), ("max",), ("min", "mean"), ("var",)])
def test_what_else_is_wanted_of_a_column_does_not_matter(functions: tuple[Aggregation, ...]) -> None:
    """Arrays are shared between functions and used up."""
    groups, values = rows_of(3)

    found = accumulated(measures(functions), groups, values, chunk=60)
    together = accumulated(measures(NUMBERS), groups, values, chunk=60)

    assert set(found) == set(functions)
    for name in functions:
        np.testing.assert_array_equal(found[name], together[name])


def test_infinity_and_the_never_of_a_column_are_missing() -> None:
    """365243 only where it is a sentinel; elsewhere it is a number."""
    groups, values = np.zeros(4, dtype=np.int32), np.array([1.0, inf, 365243.0, -inf])

    sentinel = accumulated(measures(NUMBERS), groups, values, chunk=4, never=True)
    number = accumulated(measures(NUMBERS), groups, values, chunk=4)

    assert (sentinel["sum"][0], sentinel["nunique"][0], sentinel["max"][0], sentinel["size"][0]) == (1.0, 1.0, 1.0, 4.0)
    assert (number["sum"][0], number["nunique"][0], number["max"][0]) == (365244.0, 2.0, 365243.0)


def test_whole_numbers_are_taken_as_they_are_stored() -> None:
    """Keys and days need no copy as floats."""
    groups, values = np.array([1, 1, 0], dtype=np.int32), np.array([-3, 5, 7])

    found = accumulated(measures(NUMBERS), groups, values, chunk=2)

    assert (found["min"][1], found["mean"][1], found["var"][1], found["nunique"][1]) == (-3.0, 1.0, 32.0, 2.0)


def test_many_different_numbers_are_all_counted() -> None:
    """The hash table grows several times; equal numbers of other groups are not the same, minus zero is zero."""
    groups = np.tile(np.array([0, 1], dtype=np.int32), 20_000)
    values = np.repeat(np.arange(20_000.0) % 9_999, 2)
    values[0] = -0.0

    found = accumulated(measures(["nunique"]), groups, values, chunk=7_000)

    assert found["nunique"][:2].tolist() == [9_999.0, 9_999.0]


@pytest.mark.parametrize("code", [0, 1, -1])
def test_levels_count_as_one_and_all_else_as_zero(code: int) -> None:
    """Missing (-1) is a level of its own, an unseen one (-2) is none."""
    groups = np.array([0, 0, 0, 0, 1, 2, 2, -1], dtype=np.int32)
    codes = np.array([0, 1, -1, -2, 1, -1, -1, 0], dtype=np.int16)

    both = [*measures(LEVELS, code=code), *measures(["size"], code=None)]
    several = [Measure(FeatureColumn("other", "numeric", "table", ("x",)), "x", "sum", 1), *both]
    found = accumulated(several, groups, codes, chunk=3)

    for group in range(3):
        wanted = expected((codes[groups == group] == code).astype(float))
        for name in LEVELS:
            assert found[name][group] == pytest.approx(wanted[name], rel=1e-12, nan_ok=True), (group, name)
    assert np.isnan(found["mean"][3])
