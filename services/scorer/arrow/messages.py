"""Messages of an Arrow IPC stream, versions 4 and 5: a schema of flat columns of numbers, then batches of rows.

What the format allows besides (dictionaries, compressed bodies, nested columns, big-endian numbers) is refused.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.scorer.arrow.flatbuffer import Damaged, Table

# Numbers of fields and unions in Arrow's Message.fbs and Schema.fbs.
_MESSAGE_VERSION, _MESSAGE_KIND, _MESSAGE_HEADER, _MESSAGE_BODY_BYTES = range(4)
_SCHEMA_ENDIANNESS, _SCHEMA_FIELDS = range(2)
_FIELD_NAME, _FIELD_TYPE_KIND, _FIELD_TYPE, _FIELD_DICTIONARY, _FIELD_CHILDREN = 0, 2, 3, 4, 5
_BATCH_ROWS, _BATCH_NODES, _BATCH_BUFFERS, _BATCH_COMPRESSION = range(4)
_SCHEMA_KIND, _BATCH_KIND = 1, 3
_INTEGER, _FLOAT, _BOOLEAN = 2, 3, 6
_VERSIONS: Final = (3, 4)  # V4 and V5, which lay numbers out alike
_FLOATS: Final = {0: "<f2", 1: "<f4", 2: "<f8"}
_INTEGER_BITS: Final = (8, 16, 32, 64)

_HEAD: Final = struct.Struct("<II")
_CONTINUES: Final = 0xFFFFFFFF
_BYTE, _I16, _I32, _I64 = (struct.Struct(form) for form in ("<B", "<h", "<i", "<q"))
_PAIR: Final = np.dtype("<i8")
_PAIR_BYTES: Final = 16

BOOLEAN: Final = np.dtype("?")
"""Form of a column whose values are bits."""


@dataclass(frozen=True)
class Column:
    """A column of the schema: its name, and the form of its numbers, none if it holds anything else."""

    name: str
    form: np.dtype[np.generic] | None


@dataclass(frozen=True)
class Batch:
    """Some rows: for each column (rows, nulls), for each buffer (offset, bytes) within the body, as they were sent."""

    rows: int
    nodes: NDArray[np.int64]
    buffers: NDArray[np.int64]
    body: memoryview


@dataclass(frozen=True)
class Message:
    """A part of a stream: what it says of itself, and its numbers."""

    metadata: memoryview
    kind: int
    header: Table
    body: memoryview


def read_messages(content: bytes) -> Iterator[Message]:
    """Yield the messages of a stream; raises Damaged for what is none, and where the end mark is missing."""
    rest = memoryview(content)
    while True:
        mark, size = _HEAD.unpack(_taken(rest, _HEAD.size))
        if mark != _CONTINUES:
            raise Damaged("has no message where one should begin")
        rest = rest[_HEAD.size :]
        if not size:
            break
        message = _message(_taken(rest, size), rest[size:])
        rest = rest[size + len(message.body) :]
        yield message
    if len(rest):
        raise Damaged("goes on behind its end mark")


def read_columns(message: Message, *, most: int) -> list[Column]:
    """Return the columns that a stream begins with, the first ones if there are more than so many."""
    if message.kind != _SCHEMA_KIND:
        raise Damaged("does not begin with a schema")
    if message.header.integer(_SCHEMA_ENDIANNESS, _I16):
        raise Damaged("holds big-endian numbers; send little-endian ones")
    return [_column(each) for each in message.header.tables(_SCHEMA_FIELDS, most=most)]


def read_batch(message: Message, *, columns: int) -> Batch:
    """Return the rows of a message of so many columns of numbers; where they lie is not checked yet."""
    if message.kind != _BATCH_KIND:
        raise Damaged("holds a dictionary or a second schema; send one schema and batches of plain numbers")
    if message.header.table(_BATCH_COMPRESSION) is not None:
        raise Damaged("is compressed; send it uncompressed")
    rows = message.header.integer(_BATCH_ROWS, _I64)
    nodes, buffers = (_pairs(message.header, field) for field in (_BATCH_NODES, _BATCH_BUFFERS))
    if rows < 0 or len(nodes) != columns or len(buffers) != 2 * columns:
        raise Damaged("has a batch that does not fit the schema")
    return Batch(rows, nodes, buffers, message.body)


def _message(metadata: memoryview, rest: memoryview) -> Message:
    table = Table.root(metadata)
    header = table.table(_MESSAGE_HEADER)
    body_bytes = table.integer(_MESSAGE_BODY_BYTES, _I64)
    if header is None or body_bytes < 0:
        raise Damaged("has a message without content")
    if table.integer(_MESSAGE_VERSION, _I16) not in _VERSIONS:
        raise Damaged("is of another version of the format than 4 and 5")
    return Message(metadata, table.integer(_MESSAGE_KIND, _BYTE), header, _taken(rest, body_bytes))


def _column(field: Table) -> Column:
    plain = field.table(_FIELD_DICTIONARY) is None and not field.tables(_FIELD_CHILDREN, most=1)
    return Column(field.text(_FIELD_NAME), _form(field) if plain else None)


def _form(field: Table) -> np.dtype[np.generic] | None:
    kind, parameters = field.integer(_FIELD_TYPE_KIND, _BYTE), field.table(_FIELD_TYPE)
    if parameters is None:
        return None
    if kind == _FLOAT:
        form = _FLOATS.get(parameters.integer(0, _I16))
        return None if form is None else np.dtype(form)
    if kind == _INTEGER:
        bits, signed = parameters.integer(0, _I32), parameters.integer(1, _BYTE)
        return np.dtype(f"<{'i' if signed else 'u'}{bits // 8}") if bits in _INTEGER_BITS else None
    return BOOLEAN if kind == _BOOLEAN else None


def _pairs(table: Table, field: int) -> NDArray[np.int64]:
    return np.frombuffer(table.entries(field, entry_bytes=_PAIR_BYTES), dtype=_PAIR).reshape(-1, 2)


def _taken(rest: memoryview, size: int) -> memoryview:
    if size > len(rest):
        raise Damaged("is cut off")
    return rest[:size]
