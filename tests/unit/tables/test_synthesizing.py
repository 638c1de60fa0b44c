"""Synthesizing is deterministic per seed, bounded by the block, all or nothing, and refuses bad arguments."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from shared.errors import AlreadyExists, InvalidInput
from shared.tables.reading import open_tables
from shared.tables.schema import TABLES
from shared.tables.synthesizing import BLOCK_APPLICANTS, FEWEST_APPLICANTS, synthesize


class _StopError(Exception):
    """Raised out of the progress callback to end a run half way."""


def _digests(directory: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(directory.iterdir())}


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_the_same_arguments_give_the_same_bytes(
    small_directories: dict[str, Path], tmp_path: Path, file_format: str
) -> None:
    """A demo, a test and a report of somebody else can name their tables by seed."""
    synthesize(tmp_path, applicants=120, seed=4, file_format="csv" if file_format == "csv" else "parquet")

    assert _digests(tmp_path) == _digests(small_directories[file_format])
    assert set(_digests(tmp_path)) == {f"{name}.{file_format}" for name in TABLES}


def test_another_seed_gives_other_tables(small_directories: dict[str, Path], tmp_path: Path) -> None:
    """In every one of the eight."""
    synthesize(tmp_path, applicants=120, seed=5)

    before = _digests(small_directories["parquet"])
    assert all(digest != before[name] for name, digest in _digests(tmp_path).items())


def test_rows_are_written_block_by_block(synthetic_directory: Path) -> None:
    """Memory holds one block of clients, however many are asked for."""
    files = [pq.ParquetFile(synthetic_directory / f"{name}.parquet") for name in TABLES]
    rows = [files[0].metadata.row_group(i).num_rows + files[1].metadata.row_group(i).num_rows for i in range(2)]

    assert [file.metadata.num_row_groups for file in files] == [2] * 8
    assert rows == [BLOCK_APPLICANTS, BLOCK_APPLICANTS]


def test_identifiers_never_repeat_across_blocks(synthetic: dict[str, pl.DataFrame]) -> None:
    """Each block goes on where the one before ended."""
    assert synthetic["application"]["SK_ID_CURR"].n_unique() == 4_000
    assert not synthetic["bureau"]["SK_ID_BUREAU"].is_duplicated().any()
    assert not synthetic["previous_application"]["SK_ID_PREV"].is_duplicated().any()


def test_blocks_do_not_repeat_each_other(synthetic: dict[str, pl.DataFrame]) -> None:
    """Each has random numbers of its own."""
    incomes = synthetic["application"].sort("SK_ID_CURR")["AMT_INCOME_TOTAL"].to_numpy()

    assert not np.array_equal(incomes[:BLOCK_APPLICANTS], incomes[BLOCK_APPLICANTS:])


def test_the_fewest_applicants_fill_every_table(tmp_path: Path) -> None:
    """An empty table could not be read back."""
    for seed in range(6):
        synthesize(tmp_path, applicants=FEWEST_APPLICANTS, seed=seed, overwrite=True)

        assert all(report.rows for report in open_tables(tmp_path).reports)


def test_progress_grows_to_the_whole(tmp_path: Path) -> None:
    """A progress bar ends full."""
    told: list[float] = []

    synthesize(tmp_path, applicants=BLOCK_APPLICANTS + 1, seed=1, progress=told.append)

    assert told == [0.5, 1.0]


def test_tables_that_are_there_are_not_touched(small_directories: dict[str, Path]) -> None:
    """They may be the lender's own."""
    directory = small_directories["csv"]
    before = _digests(directory)

    with pytest.raises(AlreadyExists) as caught:
        synthesize(directory, applicants=60, seed=1)

    assert caught.value.reason == "TABLES_EXIST"
    assert _digests(directory) == before


def test_overwriting_replaces_both_formats(small_directories: dict[str, Path], tmp_path: Path) -> None:
    """A CSV file left behind would be taken for the same table."""
    synthesize(tmp_path, applicants=60, seed=1, file_format="csv")
    (tmp_path / "notes.txt").write_text("mine")

    synthesize(tmp_path, applicants=120, seed=4, overwrite=True)

    (tmp_path / "notes.txt").unlink()
    assert _digests(tmp_path) == _digests(small_directories["parquet"])


def test_a_run_that_ends_half_way_leaves_what_was_there(tmp_path: Path) -> None:
    """Files take their names once all are complete."""
    synthesize(tmp_path, applicants=60, seed=1)
    before = _digests(tmp_path)

    with pytest.raises(_StopError):
        synthesize(tmp_path, applicants=60, seed=2, overwrite=True, progress=_stop)

    assert _digests(tmp_path) == before


def _stop(_: float) -> None:
    raise _StopError


_BAD_ARGUMENTS: list[tuple[str, dict[str, float]]] = [
    ("applicants", {"applicants": FEWEST_APPLICANTS - 1}),
    ("seed", {"seed": -1}),
    ("drift", {"drift": -0.1}),
    ("drift", {"drift": 1.1}),
    ("drift", {"drift": float("nan")}),
]


@pytest.mark.parametrize(("field", "arguments"), _BAD_ARGUMENTS)
def test_arguments_out_of_range_are_refused_by_name(tmp_path: Path, field: str, arguments: dict[str, float]) -> None:
    """Nothing is written then, not even the directory."""
    given = {"applicants": 60, "seed": 1, "drift": 0.0} | arguments
    target = tmp_path / "tables"

    with pytest.raises(InvalidInput) as caught:
        synthesize(target, applicants=int(given["applicants"]), seed=int(given["seed"]), drift=given["drift"])

    assert [violation.field for violation in caught.value.violations] == [field]
    assert not target.exists()
