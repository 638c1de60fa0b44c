"""Fixtures of the table tests: directories of small synthetic tables, made once."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from shared.tables.reading import open_tables
from shared.tables.synthesizing import synthesize
from tests.unit.tables.copies import copied

Copy = Callable[[str], Path]


@pytest.fixture(scope="session")
def small_directories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return directories with the same tables of 120 applicants, by format."""
    root = tmp_path_factory.mktemp("small")
    for file_format in ("parquet", "csv"):
        synthesize(root / file_format, applicants=120, seed=4, file_format=file_format)
    return {"parquet": root / "parquet", "csv": root / "csv"}


@pytest.fixture
def copy(small_directories: dict[str, Path], tmp_path: Path) -> Copy:
    """Return a function that gives a copy, free to be damaged, of the small tables in a format."""
    return lambda file_format: copied(small_directories[file_format], tmp_path / "tables")


@pytest.fixture(scope="session")
def synthetic_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with tables of 4,000 applicants: two blocks of clients."""
    directory = tmp_path_factory.mktemp("synthetic")
    synthesize(directory, applicants=4_000, seed=11)
    return directory


@pytest.fixture(scope="session")
def synthetic(synthetic_directory: Path) -> dict[str, pl.DataFrame]:
    """Return those tables; `application` is both application tables together, without TARGET."""
    frames = {name: frame.collect() for name, frame in open_tables(synthetic_directory).frames.items()}
    applications = [frames["application_train"].drop("TARGET"), frames["application_test"]]
    return frames | {"application": pl.concat(applications)}
