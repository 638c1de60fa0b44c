"""Fixtures of the feature tests: the levels of the reference and one set of small random tables."""

from collections.abc import Mapping

import polars as pl
import pytest

from shared.features.levels import Levels
from tests.unit.features.random_tables import random_tables
from tests.unit.features.reference import read_reference_levels


@pytest.fixture(scope="session")
def reference_levels() -> Levels:
    """Return the levels with which the reference makes its 771 features."""
    return read_reference_levels()


@pytest.fixture(scope="session")
def tables() -> Mapping[str, pl.LazyFrame]:
    """Return eight small random tables of nine clients."""
    return random_tables(7, clients=9, rows=30)
