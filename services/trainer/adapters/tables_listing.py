"""What lies in a folder of tables, told from names, types and first rows."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from services.trainer.adapters.raw_tables import can_be_looked_at, list_folder, readable_table, scan
from services.trainer.domain.rows import Rows, first_rows
from services.trainer.domain.tables import ColumnKind, ListedColumn, ListedTable, TableProblem
from shared.errors import InvalidInput
from shared.features.specification import APPLICATION, APPLICATION_TABLES
from shared.features.texts import phrase
from shared.tables.schema import TABLES, TableSchema
from shared.tables.sources import Source, scan_stored

MOST_LISTED: Final = 1_000
MOST_COLUMNS: Final = 2_000
# Beyond it the lines of a CSV file are not counted.
LARGEST_COUNTED_BYTES: Final = 64 * 1024 * 1024
_FIRST_ROWS: Final = 1_000
_FIRST_BYTES: Final = 1024 * 1024
_COLUMN_OF_PATH: Final = re.compile(r'\.columns\["(?P<column>.*)"\]$')


def list_tables(root: Path, directory: str) -> tuple[list[ListedTable], list[str]]:
    """Return the tables of a folder below the root, Home Credit's first, and the names of the folders in it.

    Where one of Home Credit's is there, those that are not are listed as absent. Raises InvalidInput about `directory`.
    """
    folder = list_folder(root, directory)
    sources = {source.path.stem: source for source in folder.tables}
    expected = list(TABLES) if sources.keys() & TABLES.keys() else []
    names = [*expected, *(name for name in sources if name not in expected)][:MOST_LISTED]
    tables = [_listed(root, sources[name]) if name in sources else _absent(TABLES[name]) for name in names]
    return tables, list(folder.directories[:MOST_LISTED])


def _absent(schema: TableSchema) -> ListedTable:
    return ListedTable(schema.name, required=schema.required)


def _listed(root: Path, source: Source) -> ListedTable:
    schema = TABLES.get(source.path.stem)
    table = ListedTable(
        source.path.stem,
        path=str(source.path.relative_to(root.resolve())),
        format=source.format,
        size_bytes=source.path.stat().st_size,
        required=schema is not None and schema.required,
    )
    try:
        table = _with_columns(table, source)
    except InvalidInput as error:
        return replace(table, problems=tuple(_problems_of(error)))
    if not table.rows:
        empty = TableProblem("TABLE_EMPTY", "", "the table has no rows; supply some")
        return replace(table, problems=(empty,))
    return _held_against(schema, table, source) if schema else table


def _with_columns(table: ListedTable, source: Source) -> ListedTable:
    with readable_table():
        frame = scan(source, rows=_FIRST_ROWS)
        stored = frame.collect_schema()
        shown = tuple(name for name, dtype in stored.items() if can_be_looked_at(dtype))
        # Parquet says what it stores; of CSV, what the first rows hold is taken for it.
        count = _FIRST_ROWS if source.format == "csv" else 0
        types = first_rows(Rows(frame, count, shown, inferred=source.format == "csv"), shown, count).frame.schema
        rows, estimated = _count(source)
    columns = [ListedColumn(name, _kind(types.get(name)), _meaning(table.name, name)) for name in stored]
    return replace(table, columns=tuple(columns[:MOST_COLUMNS]), rows=rows, rows_estimated=estimated)


def _kind(dtype: pl.DataType | None) -> ColumnKind:
    if dtype is None:
        return ColumnKind.OTHER
    return ColumnKind.TEXT if dtype == pl.String else ColumnKind.NUMBER


def _meaning(table: str, column: str) -> str:
    if table not in TABLES or column not in TABLES[table].columns:
        return ""
    return phrase(APPLICATION if table in APPLICATION_TABLES else table, column)


def _count(source: Source) -> tuple[int, bool]:
    size = source.path.stat().st_size
    if source.format == "csv" and size > LARGEST_COUNTED_BYTES:
        with source.path.open("rb") as file:
            lines = file.read(_FIRST_BYTES).count(b"\n")
        return max(0, round(size * lines / _FIRST_BYTES) - 1), True
    counted = (
        pl.scan_parquet(source.path) if source.format == "parquet" else pl.scan_csv(source.path, infer_schema=False)
    )
    return counted.select(pl.len()).collect(engine="streaming").item(), False


def _held_against(schema: TableSchema, table: ListedTable, source: Source) -> ListedTable:
    ignored = tuple(column.name for column in table.columns if column.name not in schema.columns)
    try:
        scan_stored(source, schema)
    except InvalidInput as error:
        return replace(table, ignored_columns=ignored, problems=tuple(_problems_of(error)))
    texts = [
        TableProblem(
            "COLUMN_TYPE", column.name, "has text where numbers belong; correct the values or leave them empty"
        )
        for column in table.columns
        if column.kind is ColumnKind.TEXT and schema.columns.get(column.name, pl.String) != pl.String
    ]
    return replace(table, ignored_columns=ignored, problems=tuple(texts))


def _problems_of(error: InvalidInput) -> Iterator[TableProblem]:
    for violation in error.violations:
        found = _COLUMN_OF_PATH.search(violation.field)
        yield TableProblem(error.reason, found["column"] if found else "", violation.description)
