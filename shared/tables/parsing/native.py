"""Rows of a CSV file as the compiled parser has them: how it is called."""

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from shared.tables.parsing.library import Compiled
from shared.tables.parsing.memory import Memory
from shared.tables.schema import TableSchema
from shared.tables.sources import MISSING_TEXTS
from shared.tables.text_codes import TextCodes

MOST_TEXTS = 1 << 10
"""Blocks that have more different texts in a column, those for "missing" among them, are left to Arrow."""

KINDS: Final[Mapping[type[pl.DataType], int]] = {pl.Int64: 1, pl.Float64: 2, pl.String: 3}
"""Numbers of parser.cpp; 0 is a column that is skipped."""

_NUMBERS: Final = {1: pa.int64(), 2: pa.float64()}
_TEXT: Final = 3
_BYTES: Final = np.array([0, 8, 8, 2])
_ALIGNMENT: Final = 64
# `Column` of parser.cpp.
_COLUMN: Final = np.dtype(
    [("kind", "i4"), ("n_texts", "i4"), ("n_missing", "i8"), ("values", "u8"), ("present", "u8"), ("texts", "u8")]
)


class _Texts(ctypes.Structure):
    """`Texts` of parser.cpp."""

    _fields_ = (("bytes", ctypes.c_char_p), ("lengths", ctypes.c_void_p), ("count", ctypes.c_int32))


class _Rows(ctypes.Structure):
    """`Rows` of parser.cpp."""

    _fields_ = (
        ("bytes", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("n_bytes", "n_rows")),
        *((name, ctypes.c_int32) for name in ("n_columns", "quoted")),
        ("missing", _Texts),
    )


_MISSING: Final = [text.encode() for text in MISSING_TEXTS]
_MISSING_BYTES: Final = b"".join(_MISSING)
_MISSING_LENGTHS: Final = np.array([len(text) for text in _MISSING], dtype=np.int32)


@dataclass(frozen=True)
class ParsedBlock:
    """Some rows, in their order, all of them as they should be: numbers of their column's type, all of them finite.

    `columns` has a text as its place among the `texts` of its column, -1 where it is missing; that becomes its code.
    """

    library: Compiled
    n_rows: int
    columns: Mapping[str, pa.Array]
    texts: Mapping[str, Sequence[str]]
    uneven: int = 0

    @property
    def names(self) -> Sequence[str]:
        """The columns' names."""
        return list(self.columns)

    def numbers(self, name: str) -> pl.Series:
        """Return a column of numbers, Int64 or Float64."""
        return pl.Series(name, self.columns[name])

    def codes(self, name: str, known: TextCodes) -> pl.Series:
        """Return the codes of a column of texts, Int16; to be called once."""
        renamed = np.concatenate([np.array([-1], dtype=np.int16), known.take(self.texts[name])])
        places = self.columns[name]
        self.library.recode(places.buffers()[1].address, self.n_rows, renamed.ctypes.data)
        return pl.Series(name, places)

    def unfit(self, _: str) -> int:
        """Return how many values of a column are no finite number of its kind: none."""
        return 0


class Parser:
    """Parses blocks of rows of one file; any number of threads may call it at once."""

    def __init__(
        self, library: Compiled, header: Sequence[str], schema: TableSchema, columns: Sequence[str], memory: Memory
    ) -> None:
        """Take the names of all columns, and of those that are wanted."""
        self._library = library
        self._header = header
        self._kinds = np.array([KINDS[schema.columns[name]] if name in columns else 0 for name in header], dtype="i4")
        self._memory = memory

    def parse(self, buffer: bytearray, begin: int, end: int) -> ParsedBlock | None:
        """Return the rows between two places of a buffer; None if it takes Arrow to parse them."""
        if len(self._header) == 1:  # in which Arrow leaves out empty lines
            return None
        quoted, start = ctypes.c_int32(), ctypes.addressof(ctypes.c_char.from_buffer(buffer, begin))
        n_rows = self._library.count_rows(start, end - begin, ctypes.byref(quoted))
        if n_rows < 0:
            return None
        columns, texts, memory = self._columns(n_rows)
        missing = _Texts(_MISSING_BYTES, _MISSING_LENGTHS.ctypes.data, len(_MISSING))
        rows = _Rows(start, end - begin, n_rows, len(self._header), quoted, missing)
        if not self._library.parse(ctypes.byref(rows), columns.ctypes.data):
            return None
        return self._block(columns, memory, n_rows, _decoded(memoryview(buffer)[begin:end], columns, texts))

    def _columns(self, n_rows: int) -> tuple[NDArray[np.void], NDArray[np.uint32], pa.Buffer]:
        """Return the columns to be filled, where their texts will be told, and the memory that the values go into."""
        sizes = np.stack(
            [_BYTES[self._kinds] * n_rows, np.where(np.isin(self._kinds, list(_NUMBERS)), n_rows // 8 + 8, 0)]
        )
        ends = np.cumsum((sizes + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT)
        taken = self._memory.take(int(ends[-1]) + _ALIGNMENT)
        starts = np.concatenate([[0], ends[:-1]]).astype("u8").reshape(sizes.shape)
        memory = pa.py_buffer(taken)
        columns = np.zeros(len(self._kinds), dtype=_COLUMN)
        texts = np.empty((len(self._kinds), MOST_TEXTS, 2), dtype=np.uint32)
        columns["kind"] = self._kinds
        columns["values"], columns["present"] = starts + np.uint64(-(-memory.address // _ALIGNMENT) * _ALIGNMENT)
        columns["texts"] = texts.ctypes.data + np.arange(len(texts)) * texts[0].nbytes
        return columns, texts, memory

    def _block(
        self, columns: NDArray[np.void], memory: pa.Buffer, n_rows: int, texts: Mapping[int, list[str]]
    ) -> ParsedBlock:
        arrays = {
            name: _array(column, memory, n_rows)
            for name, column in zip(self._header, columns.tolist(), strict=True)
            if column[0]
        }
        return ParsedBlock(
            self._library, n_rows, arrays, {self._header[place]: found for place, found in texts.items()}
        )


def _array(column: tuple[int, ...], memory: pa.Buffer, n_rows: int) -> pa.Array:
    kind, _, n_missing, values, present, _ = column
    begin = values - memory.address
    if kind == _TEXT:
        return pa.Array.from_buffers(pa.int16(), n_rows, [None, memory.slice(begin, 2 * n_rows)])
    bits = memory.slice(present - memory.address, n_rows // 8 + 8) if n_missing else None
    return pa.Array.from_buffers(_NUMBERS[kind], n_rows, [bits, memory.slice(begin, 8 * n_rows)], n_missing)


def _decoded(rows: memoryview, columns: NDArray[np.void], texts: NDArray[np.uint32]) -> dict[int, list[str]]:
    """Return the different texts of each column of texts, by the column's place."""
    return {
        int(place): [
            bytes(rows[begin : begin + length]).decode()
            for begin, length in texts[place, : columns["n_texts"][place]].tolist()
        ]
        for place in np.flatnonzero(columns["kind"] == _TEXT)
    }
