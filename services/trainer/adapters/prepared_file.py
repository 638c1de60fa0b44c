"""The file of a prepared table: its header for a quick look, its cells for the job."""

import csv
from pathlib import Path

import polars as pl

from services.trainer.domain.prepared.header import Header
from services.trainer.domain.prepared.refusals import PATH
from shared.errors import InvalidInput
from shared.tables.reading import TableReport
from shared.tables.sources import FileFormat, Source, readable_file, uneven_rows


def read_header(path: Path) -> Header:
    """Return names and stored types of the columns, without reading a row; a CSV file's are all text.

    Raises InvalidInput with TABLE_EMPTY or TABLE_UNREADABLE.
    """
    with readable_file(PATH):
        if _format(path) == "parquet":
            return list(pl.read_parquet_schema(path).items())
        return [(name, pl.String()) for name in _csv_names(path)]


def read_cells(path: Path) -> pl.DataFrame:
    """Return the whole table with its columns as they are stored, those of a CSV file as text.

    Raises InvalidInput with TABLE_EMPTY (no rows) or TABLE_UNREADABLE.
    """
    with readable_file(PATH):
        if _format(path) == "parquet":
            table = pl.read_parquet(path)
        else:
            _refuse_uneven_rows(path)
            table = pl.read_csv(path, infer_schema=False)
    if not table.height:
        raise InvalidInput.of(PATH, "the table has no rows; supply some", reason="TABLE_EMPTY")
    return table


def read_target(path: Path, column: str) -> pl.DataFrame:
    """Return the one column as `read_cells` would, whatever the others hold; raises InvalidInput TABLE_UNREADABLE."""
    with readable_file(PATH):
        if _format(path) == "parquet":
            return pl.read_parquet(path, columns=[column])
        return pl.read_csv(path, columns=[column], infer_schema=False)


def report_of(path: Path, table: pl.DataFrame) -> TableReport:
    """Return what was found of the table."""
    size = path.stat().st_size
    return TableReport(
        path.stem, present=True, format=_format(path), rows=table.height, columns=table.width, size_bytes=size
    )


def is_inferred(path: Path) -> bool:
    """Return whether the types of the columns are read off text, since the file stores none."""
    return _format(path) == "csv"


def _format(path: Path) -> FileFormat:
    return "parquet" if path.suffix.lower() == ".parquet" else "csv"


def _csv_names(path: Path) -> list[str]:
    # Polars would give the second of two equal names another one without a word.
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            names = next(csv.reader(lines), [])
    except (UnicodeDecodeError, csv.Error) as error:
        remedy = "the file is no CSV in UTF-8; save it as such"
        raise InvalidInput.of(PATH, remedy, reason="TABLE_UNREADABLE") from error
    if not names:
        raise InvalidInput.of(PATH, "the file is empty; supply one with rows", reason="TABLE_EMPTY")
    return names


def _refuse_uneven_rows(path: Path) -> None:
    uneven = uneven_rows(Source(path, "csv"))
    if uneven:
        remedy = f"{uneven} row(s) have fewer or more values than the header; the file may be cut short"
        raise InvalidInput.of(PATH, remedy, reason="TABLE_UNREADABLE")
