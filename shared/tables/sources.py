"""The files behind the tables: found, opened lazily as they are stored, and brought to the schema's types."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import polars as pl
from polars.exceptions import ComputeError, NoDataError

from shared.errors import FieldViolation, InvalidInput
from shared.tables.schema import TableSchema

FileFormat = Literal["parquet", "csv"]

# What pandas, which most users of these tables come from, takes for a missing value in any column of a CSV file.
MISSING_TEXTS: Final = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """One table's file; `ignored` names the files that hold the same table in another format."""

    path: Path
    format: FileFormat
    ignored: tuple[str, ...] = ()


def find_source(directory: Path, table: str) -> Source | None:
    """Return the file of a table, Parquet before CSV, or None when the directory has neither."""
    parquet, csv = directory / f"{table}.parquet", directory / f"{table}.csv"
    if parquet.is_file():
        return Source(parquet, "parquet", ignored=(csv.name,) if csv.is_file() else ())
    return Source(csv, "csv") if csv.is_file() else None


def table_path(table: str) -> str:
    """Return the field path of a table in errors."""
    return f'tables["{table}"]'


def column_path(table: str, column: str) -> str:
    """Return the field path of a column in errors."""
    return f'{table_path(table)}.columns["{column}"]'


def scan_stored(source: Source, schema: TableSchema) -> pl.LazyFrame:
    """Return the schema's columns as the file stores them, and refuse a file that lacks one or stores another kind.

    Numbers of a CSV file are read as Float64, so that "-2.0" may stand in a column of whole numbers.

    Raises InvalidInput with TABLE_UNREADABLE, TABLE_EMPTY (no header), COLUMN_MISSING or COLUMN_TYPE.
    """
    with readable(schema.name):
        frame = _scan_csv(source.path, schema) if source.format == "csv" else pl.scan_parquet(source.path)
        stored = frame.collect_schema()
    _refuse_absent_columns(stored, schema)
    if source.format == "parquet":
        _refuse_other_types(stored, schema)
    return frame.select(*schema.columns)


def stored_columns(source: Source, schema: TableSchema) -> tuple[str, ...]:
    """Return every column name of the file, also those that the schema does not know."""
    with readable(schema.name):
        if source.format == "parquet":
            return tuple(pl.read_parquet_schema(source.path))
        return tuple(pl.scan_csv(source.path, infer_schema=False).collect_schema())


def typed(stored: pl.LazyFrame, schema: TableSchema, *, coded: bool = False) -> pl.LazyFrame:
    """Return the stored columns in the schema's types; NaN and the texts that mean "missing" become missing.

    With `coded`, a text column that is stored as an Enum remains one.
    """
    kinds = stored.collect_schema()
    columns = (_typed_column(column, kinds[column], dtype, coded=coded) for column, dtype in schema.columns.items())
    return stored.select(columns)


def first_text_in_numbers(source: Source, schema: TableSchema) -> FieldViolation | None:
    """Return the first numeric column of a CSV file that holds text, or None; reads the file once more, as text."""
    numeric = [column for column, dtype in schema.columns.items() if dtype != pl.String]
    texts = pl.scan_csv(source.path, infer_schema=False, null_values=list(MISSING_TEXTS))
    is_text = [pl.col(c).is_not_null() & pl.col(c).cast(pl.Float64, strict=False).is_null() for c in numeric]
    with readable(schema.name):
        rows = texts.select(e.arg_true().first() for e in is_text).collect(engine="streaming").row(0)
    for column, row in zip(numeric, rows, strict=True):
        if row is not None:
            remedy = f"has text in data row {row + 1} where numbers belong; correct the value or leave it empty"
            return FieldViolation(column_path(schema.name, column), remedy)
    return None


def uneven_rows(source: Source) -> int:
    """Return how many rows of a CSV file have fewer or more values than its header has names.

    Polars would fill up the former silently and stop at the latter only once it is asked for a text column.

    A file with a line break inside a quoted text cannot be counted by lines; it gives 0.
    """
    line = pl.col("line")
    separators = pl.when(line.str.contains('"', literal=True)).then(line.str.replace_all('"[^"]*"', "")).otherwise(line)
    # A control character that no table holds as separator: one column, whose values are the lines.
    lines = pl.scan_csv(
        source.path, separator="\x01", has_header=False, quote_char=None, new_columns=["line"], infer_schema=False
    )
    counted = lines.select(
        commas=separators.str.count_matches(",", literal=True),
        broken=line.str.count_matches('"', literal=True) % 2,
    )
    found = counted.select(
        uneven=(pl.col("commas") != pl.col("commas").first()).sum(),
        broken=pl.col("broken").sum(),
    ).collect(engine="streaming")
    return 0 if found["broken"].item() else int(found["uneven"].item())


@contextmanager
def readable(table: str) -> Iterator[None]:
    """Turn what Polars raises on a table's empty or broken file into InvalidInput."""
    with readable_file(table_path(table)):
        yield


@contextmanager
def readable_file(field: str) -> Iterator[None]:
    """Turn what Polars raises on an empty or broken file into InvalidInput about the field that names it."""
    try:
        yield
    except NoDataError as error:
        raise InvalidInput.of(field, "the file is empty; supply one with rows", reason="TABLE_EMPTY") from error
    except (ComputeError, OSError) as error:
        raise _unreadable_file(field) from error


def unreadable(table: str) -> InvalidInput:
    """Return the error of a table whose file is damaged."""
    return _unreadable_file(table_path(table))


def _unreadable_file(field: str) -> InvalidInput:
    remedy = "the file cannot be read to its end; it may be cut short or damaged, supply it again"
    return InvalidInput.of(field, remedy, reason="TABLE_UNREADABLE")


def _scan_csv(path: Path, schema: TableSchema) -> pl.LazyFrame:
    header = pl.scan_csv(path, infer_schema=False).collect_schema()
    numbers = {c: pl.Float64() for c, dtype in schema.columns.items() if dtype != pl.String and c in header}
    return pl.scan_csv(path, infer_schema=False, schema_overrides=numbers, null_values=list(MISSING_TEXTS))


def _typed_column(column: str, stored: pl.DataType, dtype: type[pl.DataType], *, coded: bool) -> pl.Expr:
    value = pl.col(column)
    if dtype != pl.String:
        return value.fill_nan(None).cast(dtype) if stored.is_float() else value.cast(dtype)
    if isinstance(stored, pl.Enum) and not stored.categories.is_in(MISSING_TEXTS).any():
        return value if coded else value.cast(pl.String)
    text = value.cast(pl.String)
    return pl.when(text.is_in(MISSING_TEXTS).not_()).then(text).alias(column)


def _refuse_absent_columns(stored: pl.Schema, schema: TableSchema) -> None:
    absent = [column for column in schema.columns if column not in stored]
    if absent:
        remedy = "the column is missing; supply the table with every column that Kaggle's has"
        violations = [FieldViolation(column_path(schema.name, column), remedy) for column in absent]
        raise InvalidInput(violations, reason="COLUMN_MISSING")


def _refuse_other_types(stored: pl.Schema, schema: TableSchema) -> None:
    violations = [
        FieldViolation(
            column_path(schema.name, column), f"stores {_kind(stored[column])} where {_wanted(dtype)} belongs"
        )
        for column, dtype in schema.columns.items()
        if not _fits(stored[column], dtype)
    ]
    if violations:
        raise InvalidInput(violations, reason="COLUMN_TYPE")


def _fits(stored: pl.DataType, dtype: type[pl.DataType]) -> bool:
    if stored == pl.Null:
        return True
    if dtype == pl.String:
        return isinstance(stored, (pl.String, pl.Categorical, pl.Enum))
    return stored.is_numeric()


def _kind(stored: pl.DataType) -> str:
    if isinstance(stored, (pl.String, pl.Categorical, pl.Enum)):
        return "text"
    return "numbers" if stored.is_numeric() else f"values of type {stored.base_type().__name__}"


def _wanted(dtype: type[pl.DataType]) -> str:
    return {pl.String: "text", pl.Int64: "a column of whole numbers"}.get(dtype, "a column of numbers")
