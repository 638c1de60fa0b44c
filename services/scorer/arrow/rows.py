"""An Arrow IPC stream to rows of values in the order of a schema, exactly or not at all."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.scorer.arrow.flatbuffer import Damaged
from services.scorer.arrow.messages import BOOLEAN, Batch, Column, Message, read_batch, read_columns, read_messages
from services.scorer.domain.features import MAX_VIOLATIONS, shown
from shared.errors import FieldViolation, InvalidInput

MAX_BATCHES: Final = 1024
"""Batches of one chunk: looking at one costs the same however few rows it has."""
_LARGEST_EXACT: Final = 1 << 53
_EXACT_INTEGER_BYTES: Final = 4


class ArrowReader:
    """Reads the chunks of one stream, whose columns are the features by their names, in any order.

    `refuse_large` raises InvalidInput, for a path, if a chunk of so many rows is too large; it is asked before
    anything of that size is made.
    """

    def __init__(self, names: Sequence[str], *, refuse_large: Callable[[int, str], None]) -> None:
        self._places = {name: place for place, name in enumerate(names)}
        self._refuse_large = refuse_large
        # The chunks of a stream mostly have one schema, which takes longer to read than their rows.
        self._schema = b""
        self._columns: list[Column] = []

    def read(self, content: bytes, path: str) -> NDArray[np.float64]:
        """Return the values, (n_rows, n_features), NaN where one is null.

        Raises InvalidInput for `path`, or for `path["COLUMN"]`, if the bytes are damaged or no such stream, if columns
        are not the features, each once, or if a number has no float64 of its own.
        """
        try:
            return self._read(content, path)
        except Damaged as damage:
            raise InvalidInput.of(path, f"{damage}; it has to be a whole Arrow IPC stream of the features") from damage

    def _read(self, content: bytes, path: str) -> NDArray[np.float64]:
        messages = read_messages(content)
        first = next(messages, None)
        if first is None:
            raise Damaged("holds no schema")
        self._learn(first, path)
        batches = list(self._batches(messages, path))
        rows = sum(batch.rows for batch in batches)
        if not rows:
            raise Damaged("holds no row")
        values = np.empty((rows, len(self._columns)))
        start = 0
        for batch in batches:
            self._fill(values[start : start + batch.rows], batch, path)
            start += batch.rows
        return values

    def _learn(self, message: Message, path: str) -> None:
        """Take the columns of a schema for those of what follows, if they are the features."""
        metadata = bytes(message.metadata)
        if metadata == self._schema:
            return
        # One more than there are features: then one of them is none, or there twice.
        columns = read_columns(message, most=len(self._places) + 1)
        violations = list(self._violations(columns, path))
        if violations:
            raise InvalidInput(violations[:MAX_VIOLATIONS])
        self._columns, self._schema = columns, metadata

    def _violations(self, columns: list[Column], path: str) -> Iterator[FieldViolation]:
        for name, count in Counter(each.name for each in columns).items():
            if name not in self._places:
                yield _wrong(path, name, "is not a feature of the served model; GetServingModel lists them")
            elif count > 1:
                yield _wrong(path, name, "is there twice; send it once")
        for column in columns:
            if column.name in self._places and column.form is None:
                yield _wrong(path, column.name, "holds no plain numbers; cast it to float64")
        # Of more columns than features not all were read: those that are too many come first.
        there = {each.name for each in columns} if len(columns) <= len(self._places) else self._places
        for name in (each for each in self._places if each not in there):
            yield _wrong(path, name, "is not there; send every feature, null where it is missing")

    def _batches(self, messages: Iterator[Message], path: str) -> Iterator[Batch]:
        """Yield the batches that have rows, while they are not too many."""
        rows = 0
        for number, message in enumerate(messages):
            if number == MAX_BATCHES:
                raise Damaged(f"holds more than {MAX_BATCHES} batches; combine them")
            batch = read_batch(message, columns=len(self._columns))
            rows += batch.rows
            self._refuse_large(rows, path)
            if batch.rows:
                yield batch

    def _fill(self, values: NDArray[np.float64], batch: Batch, path: str) -> None:
        """Write a batch into its rows."""
        _check(batch, self._columns)
        nodes, buffers = batch.nodes.tolist(), batch.buffers.tolist()
        for number, column in enumerate(self._columns):
            place = self._places[column.name]
            (bitmap, bitmap_bytes), (start, size) = buffers[2 * number : 2 * number + 2]
            numbers = _numbers(batch.body[start : start + size], column, batch.rows)
            nulls = _nulls(batch.body[bitmap : bitmap + bitmap_bytes], batch.rows, nodes[number][1])
            if numbers.dtype.kind in "iu" and numbers.dtype.itemsize > _EXACT_INTEGER_BYTES:
                _refuse_inexact(numbers, nulls, _column_path(path, column.name))
            with np.errstate(invalid="ignore"):  # a NaN that signals stays one that does not
                values[:, place] = numbers
            if nulls is not None:
                values[nulls, place] = np.nan


def _check(batch: Batch, columns: list[Column]) -> None:
    """Raise Damaged unless every buffer lies within the body and has the bytes of all rows."""
    (offsets, sizes), (lengths, nulls) = batch.buffers.T, batch.nodes.T
    within = (offsets >= 0) & (sizes >= 0) & (offsets <= len(batch.body)) & (sizes <= len(batch.body) - offsets)
    if not within.all():
        raise Damaged("refers to a place outside of a batch")
    bitmap_bytes = (batch.rows + 7) // 8
    needed = [bitmap_bytes if each.form == BOOLEAN else batch.rows * _size(each) for each in columns]
    bitmaps, numbers = sizes[::2], sizes[1::2]
    if (numbers < needed).any() or ((bitmaps > 0) & (bitmaps < bitmap_bytes)).any():
        raise Damaged("has a column that is shorter than its batch")
    if (lengths != batch.rows).any() or ((nulls != 0) & (bitmaps == 0)).any():
        raise Damaged("has a column that does not fit its batch")


def _size(column: Column) -> int:
    return column.form.itemsize if column.form is not None else 0


def _numbers(content: memoryview, column: Column, rows: int) -> NDArray[Any]:
    if column.form == BOOLEAN:
        return np.unpackbits(np.frombuffer(content, np.uint8), count=rows, bitorder="little")
    return np.frombuffer(content, column.form, count=rows)


def _nulls(bitmap: memoryview, rows: int, told: int) -> NDArray[np.bool_] | None:
    """Return which rows are null, None if none is; raises Damaged unless there are as many as it was told."""
    if not len(bitmap):
        return None
    nulls = np.unpackbits(np.frombuffer(bitmap, np.uint8), count=rows, bitorder="little") == 0
    if np.count_nonzero(nulls) != told:
        raise Damaged("has a column with another number of nulls than it says")
    return nulls if told else None


def _refuse_inexact(numbers: NDArray[Any], nulls: NDArray[np.bool_] | None, path: str) -> None:
    inexact = (numbers > _LARGEST_EXACT) | (numbers < -_LARGEST_EXACT)
    if nulls is not None:
        inexact &= ~nulls
    if inexact.any():
        row = int(np.flatnonzero(inexact)[0])
        raise InvalidInput.of(
            path, f"holds an integer beyond 2^53 (first in row {row} of its batch); cast it to float64"
        )


def _column_path(path: str, name: str) -> str:
    return f"{path}[{shown(name)}]"


def _wrong(path: str, name: str, why: str) -> FieldViolation:
    return FieldViolation(_column_path(path, name), why)
