"""Messages of a stream are read as protobuf reads them, whatever bytes somebody sends."""

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.scorer.v1 import stream_pb2
from services.scorer.chunk_reading import Piece, piece_of
from shared.errors import InvalidInput
from shared.rpc.unparsed import Unparsed

CHUNKS = st.builds(
    stream_pb2.RowChunk,
    values=st.binary(max_size=300),
    applicant_ids=st.lists(st.text(max_size=5), max_size=5),
    arrow_ipc=st.binary(max_size=20),
)
MESSAGES = st.one_of(
    CHUNKS.map(lambda chunk: stream_pb2.StreamScoreRequest(chunk=chunk)),
    st.just(stream_pb2.StreamScoreRequest(settings=stream_pb2.StreamSettings(model="m"))),
)


def read(content: bytes) -> Piece:
    """Return what the bytes say."""
    return piece_of(Unparsed(content, stream_pb2.StreamScoreRequest.FromString))


def said(piece: Piece) -> tuple[object, ...]:
    """Return everything that a piece tells."""
    message = piece.message
    chunk = message.chunk
    return message.WhichOneof("part"), bytes(piece.values), [*chunk.applicant_ids], chunk.arrow_ipc, message.settings


@given(st.lists(MESSAGES, min_size=1, max_size=3), st.binary(max_size=3))
def test_a_message_says_what_protobuf_says(messages: list[stream_pb2.StreamScoreRequest], more: bytes) -> None:
    """Messages one after the other are one, of which the last value counts; what is malformed is refused."""
    content = b"".join(each.SerializeToString() for each in messages) + more
    try:
        expected = stream_pb2.StreamScoreRequest.FromString(content)
    except DecodeError:
        with pytest.raises(InvalidInput, match="is no message of this rpc"):
            read(content)
        return

    assert said(read(content)) == said(Piece(expected, expected.chunk.values))


@given(CHUNKS, CHUNKS)
def test_a_field_that_is_there_twice_counts_once(first: stream_pb2.RowChunk, second: stream_pb2.RowChunk) -> None:
    """Inside of one chunk as well."""
    inside = first.SerializeToString() + second.SerializeToString()
    expected = stream_pb2.StreamScoreRequest(chunk=stream_pb2.RowChunk.FromString(inside))

    assert said(read(expected.SerializeToString())) == said(Piece(expected, expected.chunk.values))


@given(CHUNKS, st.data())
def test_a_message_cut_off_is_refused(chunk: stream_pb2.RowChunk, data: st.DataObject) -> None:
    """Wherever it ends, unless that is where a shorter one would."""
    content = stream_pb2.StreamScoreRequest(chunk=chunk).SerializeToString()
    cut = content[: data.draw(st.integers(1, len(content) - 1))]

    with pytest.raises(InvalidInput) as refused:
        read(cut)
    assert refused.value.reason == "MALFORMED_REQUEST"


def test_values_stay_where_they_are() -> None:
    """They are not copied."""
    content = stream_pb2.StreamScoreRequest(chunk=stream_pb2.RowChunk(values=bytes(800))).SerializeToString()

    values = read(content).values

    assert isinstance(values, memoryview)
    assert values.obj is content
