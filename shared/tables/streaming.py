"""The tables of a directory as they are read once: a CSV file is parsed and checked while it is being used."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from shared.tables.csv_table import Codes, CsvTable
from shared.tables.reading import TableReport, absent, open_table, refuse_missing_directory, refuse_shared_applicants
from shared.tables.schema import APPLICATIONS, TABLES, TableSchema
from shared.tables.sources import Source, find_source, scan_stored
from shared.tables.text_codes import TextCodes


@dataclass(frozen=True)
class StreamedTables:
    """The tables that are present, by name, and how to have the report of each of the eight.

    In a table that `codes` names a text is its Int16 code (-1: missing), which `codes` explains as far as the table has
    been read; in others it is as `open_tables` has it with `coded`.
    """

    frames: Mapping[str, pl.LazyFrame]
    codes: Mapping[str, Codes]
    reporters: tuple[Callable[[], TableReport], ...]

    def reports(self) -> tuple[TableReport, ...]:
        """Return what was found of each table; one that nobody has read yet is read for it."""
        return tuple(report() for report in self.reporters)


def stream_tables(directory: Path) -> StreamedTables:
    """Find every table of a directory as `open_tables` does, and refuse the same.

    Parquet is checked at once, and so are application tables, which are held in memory if they are CSV. Of another CSV
    file the header is checked here and the rows when they are read to the end for the first time: who collects them is
    then told what is wrong.
    """
    refuse_missing_directory(directory)
    frames: dict[str, pl.LazyFrame] = {}
    codes: dict[str, Codes] = {}
    reporters: list[Callable[[], TableReport]] = []
    for schema in TABLES.values():
        source = find_source(directory, schema.name)
        if source is not None and source.format == "csv":
            table = _csv_table(source, schema)
            reporters.append(table.reported)
            if schema.name in APPLICATIONS:
                frames[schema.name] = _in_memory(table)
            else:
                frames[schema.name], codes[schema.name] = table.frame(), table.codes
            continue
        if source is None:
            report = absent(schema)
        else:
            frames[schema.name], report = open_table(source, schema, coded=True)
        reporters.append(partial(_as_it_is, report))
    refuse_shared_applicants(frames)
    return StreamedTables(frames, codes, tuple(reporters))


def _as_it_is(report: TableReport) -> TableReport:
    return report


def _csv_table(source: Source, schema: TableSchema) -> CsvTable:
    """Return the table; raises InvalidInput if its header lacks a column."""
    scan_stored(source, schema)
    return CsvTable(source, schema)


def _in_memory(table: CsvTable) -> pl.LazyFrame:
    """Return all rows, texts as an Enum of those that occur; whole numbers, most of them flags, are held narrow."""
    rows = table.frame().collect()
    whole = [name for name, kind in table.schema.columns.items() if kind == pl.Int64]
    # Put together anew, so that no narrow column holds on to the memory that the wide ones were parsed into.
    held = rows.with_columns(rows[name].shrink_dtype() for name in whole).rechunk()
    return held.lazy().with_columns(pl.col(whole).cast(pl.Int64), *(_texts(*known) for known in table.codes.items()))


def _texts(column: str, codes: TextCodes) -> pl.Expr:
    texts = pl.lit(pl.Series(codes.texts, dtype=pl.Enum(codes.levels)))
    code = pl.col(column)
    return texts.gather(pl.when(code >= 0).then(code)).alias(column)
