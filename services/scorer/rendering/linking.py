"""Records as the links of their log's chain, compiled where that can be had; the bytes are the same."""

import ctypes
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple, TypeAlias

from counterfoil.types.v1 import prediction_pb2
from services.scorer.rendering.library import Compiled, compiled, strings
from shared.prediction_record.chain import HASH_BYTES, record_hash


class Recorded(NamedTuple):
    """Records one after the other as the `records` of a Segment are encoded, and the hash of each."""

    hashes: list[bytes]
    content: bytes


Parts: TypeAlias = Sequence[tuple[bytes, bytes, bytes]]
"""Decision part, personal part and salt of each record."""

Linking: TypeAlias = Callable[[bytes, int, Parts], Recorded]
"""Returns the records of the parts, of which the first builds on a hash and has a sequence."""


def linking() -> Linking:
    """Return what links records."""
    library = compiled()
    return plainly_linked if library is None else partial(linked, library)


def plainly_linked(previous: bytes, sequence: int, parts: Parts) -> Recorded:
    """Link by protobuf's and Python's own means."""
    hashes, batch = [], prediction_pb2.Segment()
    for place, (decision_part, personal_part, salt) in enumerate(parts, start=sequence):
        previous = record_hash(previous, place, decision_part)
        hashes.append(previous)
        record = batch.records.add()
        record.sequence, record.hash = place, previous
        record.decision_part, record.personal_part, record.salt = decision_part, personal_part, salt
    return Recorded(hashes, batch.SerializeToString())


def linked(library: Compiled, previous: bytes, sequence: int, parts: Parts) -> Recorded:
    """Link by the compiled library. Raises MemoryError."""
    given, _kept = strings(list(chain.from_iterable(parts)))
    hashes = ctypes.create_string_buffer(HASH_BYTES * len(parts))
    length = ctypes.c_int64()
    content = library.records(
        library.digests,
        previous,
        sequence,
        len(parts),
        ctypes.addressof(given),
        ctypes.addressof(hashes),
        ctypes.addressof(length),
    )
    if content is None:
        raise MemoryError
    raw = hashes.raw
    return Recorded(
        [raw[start : start + HASH_BYTES] for start in range(0, len(raw), HASH_BYTES)],
        ctypes.string_at(content, length.value),
    )
