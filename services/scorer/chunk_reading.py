"""Messages of a stream, the values of a chunk where they lie: protobuf would copy them, megabytes, twice."""

from typing import NamedTuple

from google.protobuf.message import DecodeError

from counterfoil.scorer.v1 import stream_pb2
from shared.rpc.unparsed import Unparsed
from shared.wire import field_at, field_head


class Piece(NamedTuple):
    """One message of a stream, and the values of its chunk, whether the message holds them as well or not."""

    message: stream_pb2.StreamScoreRequest
    values: bytes | memoryview


def piece_of(request: Unparsed[stream_pb2.StreamScoreRequest]) -> Piece:
    """Return what a message says; raises InvalidInput (MALFORMED_REQUEST) if its bytes are none."""
    return _in_place(request.content) or Piece(request.message, request.message.chunk.values)


def _in_place(content: bytes) -> Piece | None:
    """Return a message that is a chunk, its values first, as every known writer has it; None for any other."""
    whole = field_at(content, 0, stream_pb2.StreamScoreRequest.CHUNK_FIELD_NUMBER)
    if whole is None or whole.stop != len(content):
        return None
    values = field_at(content, whole.start, stream_pb2.RowChunk.VALUES_FIELD_NUMBER)
    if values is None:
        return None
    rest = _without_values(content[values.stop :])
    return None if rest is None else Piece(rest, memoryview(content)[values])


def _without_values(fields: bytes) -> stream_pb2.StreamScoreRequest | None:
    """Return the chunk of these fields; None if there are values among them, or if they are malformed."""
    # As deep in a message as they were: protobuf bounds the depth.
    content = field_head(stream_pb2.StreamScoreRequest.CHUNK_FIELD_NUMBER, len(fields)) + fields
    try:
        message = stream_pb2.StreamScoreRequest.FromString(content)
    except DecodeError:
        return None
    # Of a field that is there twice the last one counts, even if it is empty: then only the size still tells of it.
    return None if message.chunk.values or message.ByteSize() < len(content) else message
