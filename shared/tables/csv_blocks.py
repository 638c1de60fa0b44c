"""A CSV file parsed once, block by block, by all processors, while what was parsed is already being used."""

import os
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.csv

from shared.tables.schema import TableSchema
from shared.tables.sources import MISSING_TEXTS

_BLOCK_BYTES = 1 << 22
# What is left of a row at the end of a block is rarely longer.
_ROW_BYTES = 1 << 16
_PEEK_BYTES = 1 << 10
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
    spare: list[bytearray] = []
    with ThreadPoolExecutor(threads) as pool, path.open("rb", buffering=0) as file:
        ahead: deque[tuple[_Text, Future[Block]]] = deque()
        for text in _whole_rows(file, spare):
            ahead.append((text, pool.submit(_parsed, text, header, schema, columns)))
            if len(ahead) > 2 * threads:
                yield _finished(ahead, spare)
        while ahead:
            yield _finished(ahead, spare)


@dataclass(frozen=True)
class _Text:
    """Some whole rows: the bytes from `begin` to `end` of a buffer, which is used again once they are parsed."""

    buffer: bytearray
    begin: int
    end: int

    @property
    def view(self) -> memoryview:
        """The bytes, not copied."""
        return memoryview(self.buffer)[self.begin : self.end]

    @property
    def blank(self) -> bool:
        """Whether there is nothing but white space."""
        return not bytes(self.view[:_PEEK_BYTES]).strip() and not bytes(self.view).strip()

    @property
    def quoted(self) -> bool:
        """Whether there is a quote."""
        return self.buffer.find(_QUOTE, self.begin, self.end) >= 0


def _finished(ahead: deque[tuple[_Text, Future[Block]]], spare: list[bytearray]) -> Block:
    """Return the block that was begun first, and give back the buffer that it was parsed from."""
    text, parsing = ahead.popleft()
    block = parsing.result()
    spare.append(text.buffer)
    return block


def _whole_rows(file: FileIO, spare: list[bytearray]) -> Iterator[_Text]:
    """Yield the file in texts that end at the end of a row, the header left out; buffers are taken from the spare."""
    begun, rest = False, b""
    while True:
        buffer = _filled(spare, rest)
        count = file.readinto(memoryview(buffer)[len(rest) : len(rest) + _BLOCK_BYTES])
        end = len(rest) + count
        if not count and buffer.count(_QUOTE, 0, end) % 2:
            raise BrokenQuote
        cut = _last_end(buffer, end) if count else end
        rest = bytes(memoryview(buffer)[cut:end])
        if cut:
            yield _Text(buffer, 0 if begun else _first_end(buffer, cut), cut)
            begun = True
        else:
            spare.append(buffer)
        if not count:
            return


def _filled(spare: list[bytearray], rest: bytes) -> bytearray:
    """Return a buffer that begins with the rest and has room for a block behind it."""
    buffer = spare.pop() if spare else bytearray(_BLOCK_BYTES + _ROW_BYTES)
    if len(buffer) < len(rest) + _BLOCK_BYTES:
        buffer = bytearray(2 * len(rest) + _BLOCK_BYTES)
    buffer[: len(rest)] = rest
    return buffer


def _last_end(data: bytearray, end: int) -> int:
    """Return where the last row that is there as a whole ends; 0 if none does."""
    cut = data.rfind(b"\n", 0, end) + 1
    if data.find(_QUOTE, 0, end) < 0:
        return cut
    # A line break inside quotes ends no row.
    while cut and data.count(_QUOTE, 0, cut) % 2:
        cut = data.rfind(b"\n", 0, cut - 1) + 1
    return cut


def _first_end(data: bytearray, end: int) -> int:
    return data.find(b"\n", 0, end) + 1 or end


def _parsed(text: _Text, header: tuple[str, ...], schema: TableSchema, columns: tuple[str, ...]) -> Block:
    if text.blank:
        return Block(pa.RecordBatch.from_pylist([], schema=pa.schema(_types(schema, columns, pa.int64()))), 0)
    try:
        return _converted(text, header, _types(schema, columns, pa.int64()))
    except pa.ArrowInvalid:
        return _converted(text, header, _types(schema, columns, pa.float64()))


def _converted(text: _Text, header: tuple[str, ...], types: Mapping[str, pa.DataType]) -> Block:
    uneven, quoted = 0, text.quoted

    def skip(_: object) -> str:
        """Count a row that is left out."""
        nonlocal uneven
        uneven += 1
        return "skip"

    table = pyarrow.csv.read_csv(
        pa.BufferReader(text.view),
        pyarrow.csv.ReadOptions(use_threads=False, column_names=list(header), block_size=text.end - text.begin + 1),
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
