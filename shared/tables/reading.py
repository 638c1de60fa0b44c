"""The tables of a directory, checked and typed, as lazy frames that never need to fit in memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from polars.exceptions import ComputeError

from shared.errors import FieldViolation, InvalidInput
from shared.tables.distinct import repeats
from shared.tables.footers import KnownValues, known_values
from shared.tables.schema import TABLES, TableSchema
from shared.tables.sources import (
    FileFormat,
    Source,
    column_path,
    find_source,
    first_text_in_numbers,
    readable,
    scan_stored,
    stored_columns,
    table_path,
    typed,
    uneven_rows,
)

# Above this a whole number that was stored as a float may have lost its last digits.
EXACT_FLOAT = 2.0**53
# What fits every column of its kind whatever the values; floats, decimals and wider integers are looked at.
_EXACT_TYPES = (
    pl.Null, pl.String, pl.Categorical, pl.Enum,
    pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32,
)  # fmt: skip


@dataclass(frozen=True)
class TableReport:
    """What was found of one table.

    An absent table has no format and zero rows, columns and bytes. `columns` counts the schema's columns;
    `extra_columns` names those beyond it, which are not read; `ignored_files` those that hold the table once more.
    `digest` is the SHA-256 (hex) of its file, empty unless somebody has computed it: that reads the file once more.
    """

    table: str
    present: bool
    format: FileFormat | None = None
    rows: int = 0
    columns: int = 0
    size_bytes: int = 0
    extra_columns: tuple[str, ...] = ()
    ignored_files: tuple[str, ...] = ()
    digest: str = ""


@dataclass(frozen=True)
class Tables:
    """The tables that are present, by name, in the schema's types, and one report for each of the eight."""

    frames: Mapping[str, pl.LazyFrame]
    reports: tuple[TableReport, ...]


def open_tables(directory: Path, *, coded: bool = False) -> Tables:
    """Open every table of a directory, `<table>.parquet` or else `<table>.csv`, and check what makes it unusable.

    Each table is scanned: CSV as a whole, of Parquet the columns whose values can be wrong and of which the statistics
    in its footer do not tell that none is. With `coded`, texts that a file stores as codes of an Enum stay so, which is
    how features are built fastest; else they are String. Satellite tables and
    application_test may be absent; they are then reported and not in `frames`. Missing values are null, also where a
    file says NaN, NA or an empty text.

    Raises InvalidInput with DIRECTORY_MISSING, TABLE_MISSING (application_train), TABLE_EMPTY, TABLE_UNREADABLE,
    COLUMN_MISSING, COLUMN_TYPE, KEY_MISSING, DUPLICATE_KEY (also between the two application tables) or TARGET_INVALID;
    the violations name table and column, never a value.
    """
    refuse_missing_directory(directory)
    frames: dict[str, pl.LazyFrame] = {}
    reports: list[TableReport] = []
    for schema in TABLES.values():
        source = find_source(directory, schema.name)
        if source is None:
            reports.append(absent(schema))
        else:
            frames[schema.name], report = open_table(source, schema, coded=coded)
            reports.append(report)
    refuse_shared_applicants(frames)
    return Tables(frames, tuple(reports))


def refuse_missing_directory(directory: Path) -> None:
    """Raise InvalidInput DIRECTORY_MISSING unless the directory is there."""
    if not directory.is_dir():
        raise InvalidInput.of("directory", "there is no such directory of tables", reason="DIRECTORY_MISSING")


def absent(schema: TableSchema) -> TableReport:
    """Return the report of a table that is not there; raises InvalidInput TABLE_MISSING if it must be."""
    if schema.required:
        remedy = f"the table is required; supply {schema.name}.parquet or {schema.name}.csv"
        raise InvalidInput.of(table_path(schema.name), remedy, reason="TABLE_MISSING")
    return TableReport(schema.name, present=False)


def open_table(source: Source, schema: TableSchema, *, coded: bool) -> tuple[pl.LazyFrame, TableReport]:
    """Return one table of `open_tables` and what was found of it."""
    stored = scan_stored(source, schema)
    found = _measure(source, stored, schema)
    refuse_empty(found["rows"], schema)
    if source.format == "csv":
        with readable(schema.name):
            uneven = uneven_rows(source)
        refuse_uneven(uneven, schema)
    refuse_values(found, schema)
    return typed(stored, schema, coded=coded), report_of(source, schema, found["rows"])


def report_of(source: Source, schema: TableSchema, rows: int) -> TableReport:
    """Return the report of a table that is there and as it should be."""
    return TableReport(
        schema.name,
        present=True,
        format=source.format,
        rows=rows,
        columns=len(schema.columns),
        size_bytes=source.path.stat().st_size,
        extra_columns=tuple(c for c in stored_columns(source, schema) if c not in schema.columns),
        ignored_files=source.ignored,
    )


def _measure(source: Source, stored: pl.LazyFrame, schema: TableSchema) -> dict[str, int]:
    """Count rows and, per check and column, the values that fail it, in one pass."""
    try:
        counts = _counts(stored.collect_schema(), schema, _known_values(source))
        return stored.select(counts).collect(engine="streaming").row(0, named=True)
    except ComputeError as error:
        violation = first_text_in_numbers(source, schema) if source.format == "csv" else None
        if violation is not None:
            raise InvalidInput([violation], reason="COLUMN_TYPE") from error
        with readable(schema.name):
            raise


def _known_values(source: Source) -> KnownValues:
    if source.format == "csv":
        return KnownValues()
    with readable(source.path.stem):
        return known_values(source.path)


def _counts(stored: pl.Schema, schema: TableSchema, known: KnownValues) -> Iterator[pl.Expr]:
    yield pl.len().alias("rows")
    for column, dtype in schema.columns.items():
        value = pl.col(column)
        if stored[column] not in _EXACT_TYPES and not (dtype == pl.Float64 and column in known.finite):
            yield _unfit(value.cast(pl.Float64), dtype).sum().alias(f"COLUMN_TYPE {column}")
        if column in schema.keys and not (stored[column].is_integer() and column in known.complete):
            yield (value.is_null() | value.cast(pl.Float64).is_nan()).sum().alias(f"KEY_MISSING {column}")
        if column == "TARGET":
            yield (value.eq_missing(0) | value.eq_missing(1)).not_().sum().alias(f"TARGET_INVALID {column}")
        if column == schema.unique:
            counted = value.map_batches(repeats, return_dtype=pl.Int64, returns_scalar=True)
            yield counted.alias(f"DUPLICATE_KEY {column}")


def _unfit(value: pl.Expr, dtype: type[pl.DataType]) -> pl.Expr:
    if dtype == pl.Int64:
        return value.is_not_nan() & ((value != value.floor()) | (value.abs() > EXACT_FLOAT))
    return value.is_infinite()


_REMEDIES = {
    "COLUMN_TYPE": "value(s) are no finite number of the column's kind (a fraction where whole numbers belong, or "
    "infinity); correct them or leave them empty",
    "KEY_MISSING": "row(s) lack the identifier; every row needs one",
    "TARGET_INVALID": "row(s) have a TARGET other than 0 or 1; each labelled application needs one of them",
    "DUPLICATE_KEY": "row(s) repeat an identifier of another row; keep one row of each",
}


def refuse_values(found: Mapping[str, int], schema: TableSchema) -> None:
    """Raise InvalidInput for values that fail a check; `found` counts them by reason and column."""
    for reason, remedy in _REMEDIES.items():
        violations = [
            FieldViolation(column_path(schema.name, name.removeprefix(f"{reason} ")), f"{count} {remedy}")
            for name, count in found.items()
            if name.startswith(f"{reason} ") and count
        ]
        if violations:
            raise InvalidInput(violations, reason=reason)


def refuse_empty(rows: int, schema: TableSchema) -> None:
    """Raise InvalidInput TABLE_EMPTY unless there are rows."""
    if not rows:
        raise InvalidInput.of(table_path(schema.name), "the table has no rows; supply some", reason="TABLE_EMPTY")


def refuse_uneven(rows: int, schema: TableSchema) -> None:
    """Raise InvalidInput TABLE_UNREADABLE if there are rows of another length than the header."""
    if rows:
        remedy = f"{rows} row(s) have fewer or more values than the header; the file may be cut short, supply it again"
        raise InvalidInput.of(table_path(schema.name), remedy, reason="TABLE_UNREADABLE")


def refuse_shared_applicants(frames: Mapping[str, pl.LazyFrame]) -> None:
    """Raise InvalidInput DUPLICATE_KEY if an applicant is in both application tables."""
    if "application_test" not in frames:
        return
    key = "SK_ID_CURR"
    train, test = frames["application_train"].select(key), frames["application_test"].select(key)
    shared = test.join(train, on=key, how="semi").select(pl.len()).collect().item()
    if shared:
        remedy = f"{shared} applicant(s) are in application_train as well; an applicant belongs to one of the two"
        raise InvalidInput.of(column_path("application_test", key), remedy, reason="DUPLICATE_KEY")
