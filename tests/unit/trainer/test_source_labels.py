"""Who defaulted is looked at first: what cannot be a data set is refused by headers and targets."""

from pathlib import Path

import polars as pl
import pytest

from services.trainer.adapters.source_labels import read_labels
from services.trainer.dataset_sources import read_rows
from services.trainer.domain.sources import HomeCreditTables, PreparedTable
from shared.errors import InvalidInput
from tests.synthetic_tables import write_tables

_SOURCE = HomeCreditTables("tables")


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Return a folder with the eight tables as Parquet."""
    return write_tables(tmp_path / "tables", applicants=120)


@pytest.mark.parametrize("format_", ["parquet", "csv"])
def test_the_labels_are_those_that_the_data_set_will_have(tables: Path, format_: str) -> None:
    """Without the applications that the feature rules leave out."""
    path = tables / "application_train.parquet"
    frame = pl.read_parquet(path)
    frame = frame.with_columns(CODE_GENDER=pl.when(pl.col("TARGET") == 1).then(pl.lit("XNA")).otherwise("CODE_GENDER"))
    frame = frame.with_columns(
        CODE_GENDER=pl.when(pl.int_range(pl.len()) < 60).then(pl.lit("F")).otherwise("CODE_GENDER")
    )
    path.unlink()
    frame.write_parquet(path) if format_ == "parquet" else frame.write_csv(path.with_suffix(".csv"))

    labels = read_labels(_SOURCE, tables.parent)

    made = read_rows(_SOURCE, tables.parent, lambda *_: None)
    assert labels.value_counts().sort("target").equals(made.frame["target"].drop_nulls().value_counts().sort("target"))
    assert made.dropped


def test_a_target_that_is_neither_is_left_to_who_reads_all_rows(tables: Path) -> None:
    """Who counts such rows."""
    path = tables / "application_train.parquet"
    pl.read_parquet(path).with_columns(TARGET=pl.lit(2)).write_parquet(path)

    labels = read_labels(_SOURCE, tables.parent)

    assert labels.null_count() == len(labels)


def test_a_table_without_a_column_and_a_folder_without_applications_are_refused(tables: Path) -> None:
    """By their headers: nothing else of them was read."""
    bureau = tables / "bureau.parquet"
    pl.read_parquet(bureau).drop("DAYS_CREDIT").write_parquet(bureau)
    with pytest.raises(InvalidInput) as column:
        read_labels(_SOURCE, tables.parent)

    bureau.unlink()
    (tables / "application_train.parquet").unlink()
    with pytest.raises(InvalidInput) as table:
        read_labels(_SOURCE, tables.parent)

    assert (column.value.reason, table.value.reason) == ("COLUMN_MISSING", "TABLE_MISSING")
    assert column.value.violations[0].field == 'tables["bureau"].columns["DAYS_CREDIT"]'


@pytest.mark.parametrize("path", ["own.csv", "own.parquet"])
def test_of_a_prepared_table_the_target_column_alone_is_read(tmp_path: Path, path: str) -> None:
    """In the words of the table; what is not known is null."""
    table = pl.DataFrame({"client": ["a", "b", "c"], "job": ["x", "y", "z"], "outcome": ["bad", "good", None]})
    table.write_csv(tmp_path / path) if path.endswith("csv") else table.write_parquet(tmp_path / path)

    labels = read_labels(PreparedTable(path, "client", "outcome", "bad"), tmp_path)

    assert labels.to_list() == [1, 0, None]
