"""Messages of a stream are read as protobuf reads them, whatever bytes somebody sends."""

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.scorer.v1 import stream_pb2
from services.scorer.chunk_reading import Piece, piece_of
from shared.errors import InvalidInput
from shared.rpc.unparsed import Unparsed
from shared.wire import varint

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
CHUNK = stream_pb2.StreamScoreRequest.CHUNK_FIELD_NUMBER
SETTINGS = stream_pb2.StreamScoreRequest.SETTINGS_FIELD_NUMBER
VALUES, IDS, ARROW = (
    stream_pb2.RowChunk.VALUES_FIELD_NUMBER,
    stream_pb2.RowChunk.APPLICANT_IDS_FIELD_NUMBER,
    stream_pb2.RowChunk.ARROW_IPC_FIELD_NUMBER,
)
UNKNOWN = 15


def field(number: int, content: bytes, *, longer: int = 0, beyond: int = 0) -> bytes:
    """Return a field whose length is written in `longer` bytes too many, and says `beyond` bytes too many."""
    length = varint(len(content) + beyond)
    if longer:
        length = bytes([*length[:-1], length[-1] | 0x80, *[0x80] * (longer - 1), 0])
    return varint(number << 3 | 2) + length + content


def number(of: int, value: int = 8) -> bytes:
    """Return a field that is a number, whatever the contract has there."""
    return varint(of << 3) + varint(value)


def groups(depth: int) -> bytes:
    """Return unknown groups, so deep in each other."""
    return varint(UNKNOWN << 3 | 3) * depth + varint(UNKNOWN << 3 | 4) * depth


EIGHT = field(VALUES, b"8 bytes.")
HOSTILE = {
    "no chunk": b"",
    "a chunk of nothing": field(CHUNK, b""),
    "no values": field(CHUNK, field(VALUES, b"")),
    "values twice": field(CHUNK, EIGHT + field(VALUES, b"others")),
    "values, then empty ones": field(CHUNK, EIGHT + field(VALUES, b"")),
    "empty values, then some": field(CHUNK, field(VALUES, b"") + EIGHT),
    "values, then empty Arrow": field(CHUNK, EIGHT + field(ARROW, b"")),
    "values beside Arrow": field(CHUNK, EIGHT + field(ARROW, b"arrow")),
    "empty values beside Arrow": field(CHUNK, field(VALUES, b"") + field(ARROW, b"arrow")),
    "values after applicants": field(CHUNK, field(IDS, b"anna") + EIGHT),
    "a chunk in two parts": field(CHUNK, EIGHT) + field(CHUNK, field(IDS, b"anna")),
    "a chunk, then an empty one": field(CHUNK, EIGHT) + field(CHUNK, b""),
    "a chunk, then settings": field(CHUNK, EIGHT) + field(SETTINGS, b""),
    "settings, then a chunk": field(SETTINGS, b"") + field(CHUNK, EIGHT),
    "a chunk within the chunk": field(CHUNK, field(CHUNK, EIGHT)),
    "a chunk as values": field(CHUNK, field(VALUES, field(CHUNK, EIGHT))),
    "a number for values": field(CHUNK, number(VALUES)),
    "values, then a number for them": field(CHUNK, EIGHT + number(VALUES)),
    "a number for the chunk": number(CHUNK) + field(CHUNK, EIGHT),
    "an unknown field in the chunk": field(CHUNK, EIGHT + field(UNKNOWN, b"new")),
    "an unknown field after the chunk": field(CHUNK, EIGHT) + number(UNKNOWN),
    "values beyond the chunk": field(CHUNK, field(VALUES, b"8 bytes.", beyond=1)),
    "values that reach into the next field": field(CHUNK, field(VALUES, b"", beyond=8)) + field(UNKNOWN, b"123456"),
    "values of 2 GiB": field(CHUNK, field(VALUES, b"8 bytes.", beyond=1 << 31)),
    "values of 1 TiB": field(CHUNK, field(VALUES, b"8 bytes.", beyond=1 << 40)),
    "a chunk beyond the end": field(CHUNK, EIGHT, beyond=1),
    "a chunk before the end": field(CHUNK, EIGHT, beyond=-1),
    "lengths of five bytes": field(CHUNK, field(VALUES, b"8 bytes.", longer=4), longer=4),
    "lengths of six bytes": field(CHUNK, field(VALUES, b"8 bytes.", longer=5), longer=5),
    "lengths of eleven bytes": field(CHUNK, field(VALUES, b"8 bytes.", longer=10)),
    "a tag in two bytes": field(CHUNK, b"\x8a\x00" + EIGHT[1:]),
    "an applicant that is no text": field(CHUNK, EIGHT + field(IDS, b"\xff")),
    "the end of no group": field(CHUNK, EIGHT + varint(UNKNOWN << 3 | 4)),
    "a field without a number": field(CHUNK, EIGHT + b"\x00"),
    "groups as deep as may be": field(CHUNK, EIGHT + groups(99)),
    "groups too deep": field(CHUNK, EIGHT + groups(100)),
    "groups 10,000 deep": field(CHUNK, EIGHT + groups(10_000)),
}
FIELDS = st.one_of(
    st.builds(
        field,
        st.integers(1, 4),
        st.binary(max_size=9),
        longer=st.sampled_from([0, 0, 0, 1, 4, 5]),
        beyond=st.sampled_from([0, 0, 0, 0, 1, 9, 1 << 31]),
    ),
    st.builds(number, st.integers(1, 4), st.integers(0, 300)),
    st.builds(groups, st.integers(1, 2)),
)


def read(content: bytes) -> Piece:
    """Return what the bytes say."""
    return piece_of(Unparsed(content, stream_pb2.StreamScoreRequest.FromString))


def said(piece: Piece) -> tuple[object, ...]:
    """Return everything that a piece tells."""
    message = piece.message
    chunk = message.chunk
    return message.WhichOneof("part"), bytes(piece.values), [*chunk.applicant_ids], chunk.arrow_ipc, message.settings


def assert_read_as_protobuf_does(content: bytes) -> None:
    """Hold what is read against what protobuf makes of all of it."""
    try:
        expected = stream_pb2.StreamScoreRequest.FromString(content)
    except DecodeError:
        with pytest.raises(InvalidInput, match="is no message of this rpc"):
            read(content)
        return

    assert said(read(content)) == said(Piece(expected, expected.chunk.values))


@given(st.lists(MESSAGES, min_size=1, max_size=3), st.binary(max_size=3))
def test_a_message_says_what_protobuf_says(messages: list[stream_pb2.StreamScoreRequest], more: bytes) -> None:
    """Messages one after the other are one, of which the last value counts; what is malformed is refused."""
    assert_read_as_protobuf_does(b"".join(each.SerializeToString() for each in messages) + more)


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_message_that_no_writer_writes_says_what_protobuf_says(content: bytes) -> None:
    """Or is refused where protobuf refuses it."""
    assert_read_as_protobuf_does(content)


@given(st.lists(FIELDS, max_size=4), st.sampled_from([0, 0, 1, 4, 5]), st.lists(FIELDS, max_size=1))
def test_fields_of_any_kind_and_order_say_what_protobuf_says(
    inside: list[bytes], longer: int, after: list[bytes]
) -> None:
    """A chunk begins with values here, which the rest may take back, break off or leave alone."""
    for first in (EIGHT, b""):
        assert_read_as_protobuf_does(b"".join([field(CHUNK, b"".join([first, *inside]), longer=longer), *after]))


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
