"""Features kept in a file are those kept in memory, and what they were made in is used again."""

from math import nan
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from shared.features.building import build_features
from shared.features.filing import InFile
from shared.features.keeping import InMemory, Keeper
from shared.features.levels import fit_levels
from shared.features.sets import SPECIFICATIONS, FeatureSet
from tests.unit.features.random_tables import random_tables


@pytest.fixture(params=["memory", "file"])
def keeper(request: pytest.FixtureRequest) -> Keeper:
    """Return each kind of keeper."""
    return InMemory() if request.param == "memory" else InFile()


def test_what_is_kept_comes_back_with_null_for_nan(keeper: Keeper) -> None:
    """Every other bit stays."""
    kept = {"a": np.array([1 / 3, nan, -0.0]), "b": np.array([nan, nan, 1e300]), "c": np.arange(3.0)}

    for name, values in kept.items():
        keeper.keep(name, values)

    found = {series.name: series for series in keeper.series()}
    assert found.keys() == kept.keys()
    for name, values in kept.items():
        assert found[name].dtype == pl.Float64
        assert found[name].null_count() == np.isnan(values).sum()
        assert found[name].fill_null(nan).to_numpy().tobytes() == values.tobytes()


def test_a_feature_of_many_clients_comes_back_whole(tmp_path: Path) -> None:
    """It is written in several pieces."""
    keeper, values = InFile(tmp_path), np.arange(200_003.0)

    keeper.keep("a", values)

    (series,) = keeper.series()
    assert np.array_equal(series.to_numpy(), values)


def test_nothing_kept_is_no_series(keeper: Keeper) -> None:
    """Such as of tables without any feature."""
    assert list(keeper.series()) == []


def test_what_is_given_out_is_zero_whatever_was_in_it_before(keeper: Keeper) -> None:
    """Sums begin at zero."""
    for _ in range(2):
        arrays = [keeper.zeros(5, np.float64), keeper.zeros((3, 7), np.int32), keeper.zeros(1 << 23, np.float64)]

        assert [array.shape for array in arrays] == [(5,), (3, 7), (1 << 23,)]
        assert [array.dtype for array in arrays] == [np.float64, np.int32, np.float64]
        assert not any(array.any() for array in arrays)
        for array in arrays:
            array.fill(1)
        keeper.renew()


def test_arrays_given_out_together_share_no_memory(keeper: Keeper) -> None:
    """Until all are given back."""
    arrays = [keeper.zeros(size, np.int32) for size in (1, 1_000, 1 << 24, 3)]

    for number, array in enumerate(arrays):
        array.fill(number + 1)

    assert [set(np.unique(array)) for array in arrays] == [{1}, {2}, {3}, {4}]


def test_the_file_is_gone_from_its_folder_while_it_is_read(tmp_path: Path) -> None:
    """A process that is killed leaves nothing behind."""
    keeper = InFile(tmp_path)
    keeper.keep("a", np.arange(4.0))

    series = list(keeper.series())

    assert list(tmp_path.iterdir()) == []
    del keeper
    assert series[0].to_list() == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("features", FeatureSet)
def test_all_features_are_the_same_in_a_file_and_in_memory(features: FeatureSet, tmp_path: Path) -> None:
    """To the last bit, in the same order, with the same missing cells."""
    tables, specification = random_tables(3, clients=40, rows=300), SPECIFICATIONS[features]
    levels = fit_levels(tables, specification)

    filed = build_features(tables, levels, specification, keeper=InFile(tmp_path))

    kept = build_features(tables, levels, specification)
    assert filed.frame.schema == kept.frame.schema
    assert filed.frame.equals(kept.frame, null_equal=True)
    assert (filed.unseen, filed.dropped) == (kept.unseen, kept.dropped)
