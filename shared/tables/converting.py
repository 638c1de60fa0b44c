"""Tables stored once in the form that is read fastest: checked, typed, texts as codes of a stored dictionary."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import polars as pl

from shared.errors import InvalidInput
from shared.tables.reading import TableReport, open_tables
from shared.tables.sources import readable
from shared.tables.writing import all_or_nothing

# Rows of a row group: few enough that what is decoded of a column stays in the processor's cache until it is used.
_GROUP_ROWS: Final = 1 << 17


def convert_tables(
    source: Path,
    destination: Path,
    *,
    overwrite: bool = False,
    progress: Callable[[float], None] | None = None,
) -> tuple[TableReport, ...]:
    """Write the tables of one directory, CSV or Parquet, as Parquet into another; return what was found of each.

    Values, missing cells and the order of rows and columns stay; columns beyond the schema are left behind. Each text
    column becomes an Enum whose categories are its levels, sorted. Tables are streamed: memory holds a few row groups.
    `progress` is told the share of the bytes done, up to 1.

    Raises what `open_tables` raises, before anything is written, AlreadyExists as `all_or_nothing` does, and
    InvalidInput with SAME_DIRECTORY.
    """
    if source.resolve() == destination.resolve():
        raise InvalidInput.of("destination", "is the source as well; choose another directory", reason="SAME_DIRECTORY")
    with all_or_nothing(destination, "parquet", overwrite=overwrite) as parts:
        tables = open_tables(source)
        total = sum(report.size_bytes for report in tables.reports)
        done = 0
        for report in tables.reports:
            if report.present:
                _convert(report.table, tables.frames[report.table], parts[report.table])
                done += report.size_bytes
                (progress or _ignore)(done / total)
    return tables.reports


def _convert(table: str, frame: pl.LazyFrame, part: Path) -> None:
    texts = [column for column, kind in frame.collect_schema().items() if kind == pl.String]
    with readable(table):
        distinct = frame.select(pl.col(c).unique().drop_nulls().sort().implode() for c in texts)
        found = distinct.collect(engine="streaming")
        coded = frame.with_columns(pl.col(column).cast(pl.Enum(found[column][0])) for column in texts)
        # A third larger than with zstd, and read in a fifth less time.
        coded.sink_parquet(part, compression="lz4", row_group_size=_GROUP_ROWS)


def _ignore(_: float) -> None:
    """Tell nobody."""
