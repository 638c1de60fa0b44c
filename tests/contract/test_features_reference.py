"""All features of all real clients against the values that the public reference script gave for the same tables."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from shared.features.building import FeatureTable, build_features
from shared.features.columns import feature_columns
from shared.features.levels import Levels, fit_levels
from shared.features.texts import reason_code
from shared.tables.reading import open_tables
from tests.unit.features.random_tables import only_client
from tests.unit.features.reference import read_reference_levels

RELATIVE_DIFFERENCE = 1e-9


@pytest.fixture(scope="module")
def frames(real_tables: Path) -> dict[str, pl.LazyFrame]:
    """Return the real tables as the product reads them."""
    return dict(open_tables(real_tables).frames)


@pytest.fixture(scope="module")
def levels(frames: dict[str, pl.LazyFrame]) -> Levels:
    """Return the levels of the real tables."""
    return fit_levels(frames)


@pytest.fixture(scope="module")
def table(frames: dict[str, pl.LazyFrame], levels: Levels) -> FeatureTable:
    """Return the features of all real clients."""
    return build_features(frames, levels)


@pytest.fixture(scope="module")
def expected(real_tables: Path) -> pl.DataFrame:
    """Return the reference's values, sorted by client."""
    return pl.read_parquet(real_tables / "expected_features.parquet").fill_nan(None)


def test_columns_and_clients_are_those_of_the_reference(table: FeatureTable, expected: pl.DataFrame) -> None:
    """Same names in the same order, same clients, same labels."""
    assert table.frame.columns == expected.columns
    assert table.frame["SK_ID_CURR"].to_list() == expected["SK_ID_CURR"].to_list()
    assert table.frame["TARGET"].cast(pl.Float64).equals(expected["TARGET"].cast(pl.Float64))
    assert expected.shape == (10_000, 773)


def test_missing_cells_are_those_of_the_reference(table: FeatureTable, expected: pl.DataFrame) -> None:
    """A zero is not a missing value, in either direction."""
    differing = [name for name in expected.columns if not _masks_equal(table.frame[name], expected[name])]

    assert differing == []


def test_values_are_those_of_the_reference(table: FeatureTable, expected: pl.DataFrame) -> None:
    """Summation order alone may differ, by a relative 1e-9 at most."""
    worst = {name: _relative_difference(table.frame[name], expected[name]) for name in expected.columns[2:]}

    beyond = {name: difference for name, difference in worst.items() if not difference <= RELATIVE_DIFFERENCE}
    assert beyond == {}
    assert len(worst) == 771


def test_nothing_was_unseen_or_dropped(table: FeatureTable) -> None:
    """These clients hold no gender XNA, and levels were fitted on the same rows."""
    assert table.unseen == {}
    assert table.dropped == 0


def test_real_clients_alone_have_the_same_features(
    frames: dict[str, pl.LazyFrame], levels: Levels, table: FeatureTable
) -> None:
    """What the scorer will build for one raw application is what the model was trained on."""
    for client in table.frame["SK_ID_CURR"].gather_every(2_500):
        alone = build_features(only_client(frames, client), levels).frame
        together = table.frame.filter(pl.col("SK_ID_CURR") == client)
        for name in alone.columns[2:]:
            assert _masks_equal(alone[name], together[name]), name
            assert _relative_difference(alone[name], together[name]) <= RELATIVE_DIFFERENCE, name


def test_levels_and_reason_codes_are_those_that_the_unit_tests_stand_on(levels: Levels) -> None:
    """The unit tests know the reference's columns without its tables."""
    codes = {reason_code(column) for column in feature_columns(levels)}

    assert levels == read_reference_levels()
    assert len(codes) == 771


def _masks_equal(ours: pl.Series, theirs: pl.Series) -> bool:
    return bool((ours.is_null() == theirs.is_null()).all())


def _relative_difference(ours: pl.Series, theirs: pl.Series) -> float:
    ours_values, their_values = ours.to_numpy().astype(np.float64), theirs.to_numpy().astype(np.float64)
    differing = (ours_values != their_values) & ~np.isnan(their_values)
    apart = np.abs(ours_values[differing] - their_values[differing])
    with np.errstate(divide="ignore"):
        return float(np.max(apart / np.abs(their_values[differing]), initial=0.0))
