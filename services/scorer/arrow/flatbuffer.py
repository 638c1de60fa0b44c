"""Tables of FlatBuffers, read where they lie, every place checked before it is looked at."""

import struct
from typing import Final

_U16: Final = struct.Struct("<H")
_U32: Final = struct.Struct("<I")
_I32: Final = struct.Struct("<i")
_OFFSET_BYTES: Final = 4
_LONGEST_TEXT: Final = 1024


class Damaged(ValueError):
    """The bytes are not what they should be; the text says what is wrong, after the name of the field that holds them.

    Nothing was read beyond them.
    """


class Table:
    """A table of a FlatBuffer: its fields by their number in the schema, counted from 0.

    Nothing follows more than one reference a call, so that what refers to itself, or to the same part many times, costs
    no more than it is asked for. Everything raises Damaged for a place outside of the bytes.
    """

    def __init__(self, content: memoryview, position: int) -> None:
        self._content = content
        self._position = position
        self._fields = position - _number(_I32, content, position)
        self._fields_bytes = _number(_U16, content, self._fields)

    @classmethod
    def root(cls, content: memoryview) -> "Table":
        """Return the table that a FlatBuffer is."""
        return cls(content, _number(_U32, content, 0))

    def integer(self, field: int, form: struct.Struct, default: int = 0) -> int:
        """Return a number of that form, the default if it is not there."""
        place = self._place(field)
        return default if place is None else _number(form, self._content, place)

    def table(self, field: int) -> "Table | None":
        """Return a table, if it is there."""
        place = self._referred(field)
        return None if place is None else Table(self._content, place)

    def text(self, field: int) -> str:
        """Return a text, empty if it is not there; of an endless one the beginning."""
        place = self._referred(field)
        if place is None:
            return ""
        size = _number(_U32, self._content, place)
        kept = _part(self._content, place + _OFFSET_BYTES, size)[:_LONGEST_TEXT]
        return bytes(kept).decode("utf-8", errors="replace")

    def entries(self, field: int, *, entry_bytes: int) -> memoryview:
        """Return the bytes of a vector whose entries have that size; empty if it is not there."""
        place = self._referred(field)
        if place is None:
            return self._content[:0]
        count = _number(_U32, self._content, place)
        return _part(self._content, place + _OFFSET_BYTES, count * entry_bytes)

    def tables(self, field: int, *, most: int) -> "list[Table]":
        """Return the tables of a vector, the first of them if there are more than so many."""
        place = self._referred(field)
        if place is None:
            return []
        count = _number(_U32, self._content, place)
        places = [place + _OFFSET_BYTES * (1 + each) for each in range(min(count, most))]
        return [Table(self._content, each + _number(_U32, self._content, each)) for each in places]

    def _place(self, field: int) -> int | None:
        entry = 4 + 2 * field
        if entry + 2 > self._fields_bytes:
            return None
        offset = _number(_U16, self._content, self._fields + entry)
        return self._position + offset if offset else None

    def _referred(self, field: int) -> int | None:
        place = self._place(field)
        return None if place is None else place + _number(_U32, self._content, place)


def _number(form: struct.Struct, content: memoryview, place: int) -> int:
    # A negative place would count from the end.
    if not 0 <= place <= len(content) - form.size:
        raise Damaged("refers to a place outside of a message")
    return int(form.unpack_from(content, place)[0])


def _part(content: memoryview, place: int, size: int) -> memoryview:
    if not 0 <= place <= len(content) - size:
        raise Damaged("refers to a place outside of a message")
    return content[place : place + size]
