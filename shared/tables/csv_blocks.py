"""A CSV file parsed once, block by block, by all processors, while what was parsed is already being used."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.csv

from shared.tables.schema import TableSchema
from shared.tables.sources import MISSING_TEXTS

_BLOCK_BYTES = 1 << 22
_QUOTE = b'"'


@dataclass(frozen=True)
class Block:
    """Some rows, in their order: texts as dictionaries, numbers as Int64 or Float64.

    `uneven` counts the rows left out since they have fewer or more values than the header.
    """

    rows: pa.RecordBatch
    uneven: int


class BrokenQuote(ValueError):
    """The file ends inside a quoted text."""


def header_of(path: Path) -> tuple[str, ...]:
    """Return the names in the first line; none if the file is empty."""
    return tuple(pl.scan_csv(path, infer_schema=False).collect_schema())


def parsed_blocks(path: Path, schema: TableSchema, columns: tuple[str, ...]) -> Iterator[Block]:
    """Yield these columns of all rows; some blocks are parsed ahead.

    Whole numbers of a block in which one is written with a point come as Float64. What pandas takes for a missing value
    is null. Raises ArrowInvalid for a text where a number belongs or in another encoding than UTF-8, and BrokenQuote.
    """
    header = header_of(path)
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool, path.open("rb") as file:
        ahead: deque[Future[Block]] = deque()
        for block in _whole_rows(file.read):
            ahead.append(pool.submit(_parsed, block, header, schema, columns))
            if len(ahead) > 2 * threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _whole_rows(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield the file in blocks that end at the end of a row, the header left out."""
    begun, rest = False, b""
    while data := read(_BLOCK_BYTES):
        rest += data
        cut = _last_end(rest)
        if cut:
            block, rest = rest[:cut], rest[cut:]
            yield block if begun else block[_first_end(block) :]
            begun = True
    if rest.count(_QUOTE) % 2:
        raise BrokenQuote
    if rest:
        yield rest if begun else rest[_first_end(rest) :]


def _last_end(data: bytes) -> int:
    """Return where the last row that is there as a whole ends; 0 if none does."""
    cut = data.rfind(b"\n") + 1
    if _QUOTE not in data:
        return cut
    # A line break inside quotes ends no row.
    while cut and data.count(_QUOTE, 0, cut) % 2:
        cut = data.rfind(b"\n", 0, cut - 1) + 1
    return cut


def _first_end(data: bytes) -> int:
    return data.find(b"\n") + 1 or len(data)


def _parsed(block: bytes, header: tuple[str, ...], schema: TableSchema, columns: tuple[str, ...]) -> Block:
    if not block.strip():
        return Block(pa.RecordBatch.from_pylist([], schema=pa.schema(_types(schema, columns, pa.int64()))), 0)
    try:
        return _converted(block, header, _types(schema, columns, pa.int64()))
    except pa.ArrowInvalid:
        return _converted(block, header, _types(schema, columns, pa.float64()))


def _converted(block: bytes, header: tuple[str, ...], types: Mapping[str, pa.DataType]) -> Block:
    uneven, quoted = 0, _QUOTE in block

    def skip(_: object) -> str:
        """Count a row that is left out."""
        nonlocal uneven
        uneven += 1
        return "skip"

    table = pyarrow.csv.read_csv(
        pa.BufferReader(block),
        pyarrow.csv.ReadOptions(use_threads=False, column_names=list(header), block_size=len(block) + 1),
        pyarrow.csv.ParseOptions(
            quote_char=_QUOTE.decode() if quoted else False, newlines_in_values=quoted, invalid_row_handler=skip
        ),
        pyarrow.csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=list(MISSING_TEXTS),
            strings_can_be_null=True,
        ),
    )
    (rows,) = table.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
    return Block(rows, uneven)


def _types(schema: TableSchema, columns: tuple[str, ...], whole: pa.DataType) -> dict[str, pa.DataType]:
    kinds = {pl.String: pa.dictionary(pa.int32(), pa.string()), pl.Int64: whole, pl.Float64: pa.float64()}
    return {column: kinds[schema.columns[column]] for column in columns}
