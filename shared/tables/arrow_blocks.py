"""Rows of a CSV file as Arrow parses them: however they are written, and slower than the compiled parser does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
import pyarrow.csv

from shared.tables.reading import EXACT_FLOAT
from shared.tables.schema import TableSchema
from shared.tables.sources import MISSING_TEXTS
from shared.tables.text_codes import TextCodes

QUOTE = '"'


@dataclass(frozen=True)
class ArrowBlock:
    """Some rows, in their order: texts as dictionaries, numbers as Int64 or Float64.

    `uneven` counts the rows left out since they have fewer or more values than the header.
    """

    rows: pa.RecordBatch
    schema: TableSchema
    uneven: int = 0

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return int(self.rows.num_rows)

    @property
    def names(self) -> Sequence[str]:
        """The columns' names."""
        return list(self.rows.schema.names)

    def numbers(self, name: str) -> pl.Series:
        """Return a column of numbers, Int64 or Float64."""
        return pl.Series(name, self.rows[name])

    def codes(self, name: str, known: TextCodes) -> pl.Series:
        """Return the codes of a column of texts, Int16, -1 where one is missing."""
        values = self.rows[name]
        codes = pa.array(known.take(values.dictionary.to_pylist()))
        return pl.Series(name, codes.take(values.indices), dtype=pl.Int16).fill_null(-1)

    def unfit(self, name: str) -> int:
        """Return how many values of a column of numbers are no finite number of its kind."""
        values = self.numbers(name)
        if not values.dtype.is_float():
            return 0
        if self.schema.columns[name] == pl.Int64:
            return int(((values != values.floor()) | (values.abs() > EXACT_FLOAT)).sum())
        return int(values.is_infinite().sum())


def arrow_block(
    text: memoryview, header: Sequence[str], schema: TableSchema, columns: Sequence[str], *, quoted: bool
) -> ArrowBlock:
    """Return these columns of whole rows, among which there is a quote or not.

    Whole numbers come as Float64 if one of them is written with a point. What pandas takes for a missing value is null.
    Raises ArrowInvalid for a text where a number belongs or in another encoding than UTF-8.
    """
    try:
        return _converted(text, header, schema, _types(schema, columns, pa.int64()), quoted=quoted)
    except pa.ArrowInvalid:
        return _converted(text, header, schema, _types(schema, columns, pa.float64()), quoted=quoted)


def empty_block(schema: TableSchema, columns: Sequence[str]) -> ArrowBlock:
    """Return no rows."""
    return ArrowBlock(pa.RecordBatch.from_pylist([], schema=pa.schema(_types(schema, columns, pa.int64()))), schema)


def _converted(
    text: memoryview, header: Sequence[str], schema: TableSchema, types: Mapping[str, pa.DataType], *, quoted: bool
) -> ArrowBlock:
    uneven = 0

    def skip(_: object) -> str:
        """Count a row that is left out."""
        nonlocal uneven
        uneven += 1
        return "skip"

    table = pyarrow.csv.read_csv(
        pa.BufferReader(text),
        pyarrow.csv.ReadOptions(use_threads=False, column_names=list(header), block_size=len(text) + 1),
        pyarrow.csv.ParseOptions(
            quote_char=QUOTE if quoted else False, newlines_in_values=quoted, invalid_row_handler=skip
        ),
        pyarrow.csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=list(MISSING_TEXTS),
            strings_can_be_null=True,
        ),
    )
    (rows,) = table.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
    return ArrowBlock(rows, schema, uneven)


def _types(schema: TableSchema, columns: Sequence[str], whole: pa.DataType) -> dict[str, pa.DataType]:
    kinds = {pl.String: pa.dictionary(pa.int32(), pa.string()), pl.Int64: whole, pl.Float64: pa.float64()}
    return {column: kinds[schema.columns[column]] for column in columns}
