"""A CSV file parsed once, block by block, by all processors, while what was parsed is already being used."""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Protocol

import polars as pl

from shared.tables.arrow_blocks import QUOTE, arrow_block, empty_block
from shared.tables.parsing.library import compiled
from shared.tables.parsing.memory import Memory
from shared.tables.parsing.native import Parser
from shared.tables.schema import TableSchema
from shared.tables.text_codes import TextCodes

_BLOCK_BYTES = 1 << 22
# What is left of a row at the end of a block is rarely longer.
_ROW_BYTES = 1 << 16
# What is longer would be held in memory to the end of the file, and looked at again with each block.
_LONGEST_ROW_BYTES = 1 << 24
_PEEK_BYTES = 1 << 10
_QUOTE = QUOTE.encode()


class Block(Protocol):
    """Some rows, in their order, in columns."""

    @property
    def n_rows(self) -> int:
        """The number of rows."""

    @property
    def uneven(self) -> int:
        """The number of rows left out, since they have fewer or more values than the header."""

    @property
    def names(self) -> Sequence[str]:
        """The columns' names."""

    def numbers(self, name: str) -> pl.Series:
        """Return a column of numbers, Int64 or Float64."""

    def codes(self, name: str, known: TextCodes) -> pl.Series:
        """Return the codes of a column of texts, Int16, -1 where one is missing; to be called once."""

    def unfit(self, name: str) -> int:
        """Return how many values of a column of numbers are no finite number of its kind."""


class BrokenRow(ValueError):
    """The file ends inside a quoted text, or a row goes on for more than 16 MiB, mostly since a quote is not closed."""


def header_of(path: Path) -> tuple[str, ...]:
    """Return the names in the first line; none if the file is empty."""
    return tuple(pl.scan_csv(path, infer_schema=False).collect_schema())


def parsed_blocks(path: Path, schema: TableSchema, columns: tuple[str, ...]) -> Iterator[Block]:
    """Yield these columns of all rows; some blocks are parsed ahead.

    Whole numbers of a block in which one is written with a point come as Float64. What pandas takes for a missing value
    is null. Raises ArrowInvalid for a text where a number belongs or in another encoding than UTF-8, and BrokenRow.
    """
    reading = _Reading.of(path, schema, columns)
    threads = os.cpu_count() or 1
    spare: list[bytearray] = []
    with ThreadPoolExecutor(threads) as pool, path.open("rb", buffering=0) as file:
        ahead: deque[tuple[_Text, Future[Block]]] = deque()
        for text in _whole_rows(file, spare):
            ahead.append((text, pool.submit(reading.parsed, text)))
            if len(ahead) > threads:
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
            raise BrokenRow
        cut = _last_end(buffer, end) if count else end
        if end - cut > _LONGEST_ROW_BYTES:
            raise BrokenRow
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
    # A line break inside quotes ends no row. Each quote is counted once more at the most, however far back that leads.
    inside = data.count(_QUOTE, 0, cut) % 2
    while cut and inside:
        line = data.rfind(b"\n", 0, cut - 1) + 1
        inside = (inside + data.count(_QUOTE, line, cut)) % 2
        cut = line
    return cut


def _first_end(data: bytearray, end: int) -> int:
    return data.find(b"\n", 0, end) + 1 or end


@dataclass(frozen=True)
class _Reading:
    """What is read of a file, and how; `parser` is None where it was not compiled."""

    header: tuple[str, ...]
    schema: TableSchema
    columns: tuple[str, ...]
    parser: Parser | None

    @classmethod
    def of(cls, path: Path, schema: TableSchema, columns: tuple[str, ...]) -> "_Reading":
        """Return how to read these columns."""
        header, library = header_of(path), compiled()
        parser = None if library is None else Parser(library, header, schema, columns, Memory())
        return cls(header, schema, columns, parser)

    def parsed(self, text: _Text) -> Block:
        """Return the rows; Arrow has the last word on what is wrong with them."""
        if text.blank:
            return empty_block(self.schema, self.columns)
        block = self.parser.parse(text.buffer, text.begin, text.end) if self.parser else None
        return block or arrow_block(text.view, self.header, self.schema, self.columns, quoted=text.quoted)
