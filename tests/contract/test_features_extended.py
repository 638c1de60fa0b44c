"""The extended features of all real clients: beside the reference's own values, and the same for each client alone."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from shared.features.building import FeatureTable, build_features
from shared.features.extended import EXTENDED
from shared.features.levels import Levels, fit_levels
from shared.tables.reading import open_tables
from tests.unit.features.random_tables import only_client


@pytest.fixture(scope="module")
def frames(real_tables: Path) -> dict[str, pl.LazyFrame]:
    """Return the real tables as the product reads them."""
    return dict(open_tables(real_tables).frames)


@pytest.fixture(scope="module")
def levels(frames: dict[str, pl.LazyFrame]) -> Levels:
    """Return the levels of the real tables."""
    return fit_levels(frames, EXTENDED)


@pytest.fixture(scope="module")
def table(frames: dict[str, pl.LazyFrame], levels: Levels) -> FeatureTable:
    """Return the extended features of all real clients."""
    return build_features(frames, levels, EXTENDED)


def test_the_reference_has_the_same_bits_in_it(frames: dict[str, pl.LazyFrame], table: FeatureTable) -> None:
    """A model on either set sees the same value of a column."""
    reference = build_features(frames, fit_levels(frames)).frame

    assert_frame_equal(table.frame.select(reference.columns), reference, check_exact=True)


def test_real_clients_alone_have_the_same_bits(
    frames: dict[str, pl.LazyFrame], levels: Levels, table: FeatureTable
) -> None:
    """Windows, last rows and trends of one client need nobody else's rows."""
    for client in table.frame["SK_ID_CURR"].gather_every(2_500):
        alone = build_features(only_client(frames, client), levels, EXTENDED).frame

        assert_frame_equal(alone, table.frame.filter(pl.col("SK_ID_CURR") == client), check_exact=True)
