"""Messages of a stream, the values of a chunk where they lie: protobuf would copy them, megabytes, twice."""

from typing import NamedTuple

from google.protobuf.message import DecodeError

from counterfoil.scorer.v1 import stream_pb2
from shared.rpc.unparsed import Unparsed
from shared.wire import field_at


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
    try:
        rest = stream_pb2.RowChunk.FromString(content[values.stop :])
    except DecodeError:
        return None
    # Of a field that is there twice the last one counts.
    return None if rest.values else Piece(stream_pb2.StreamScoreRequest(chunk=rest), memoryview(content)[values])
