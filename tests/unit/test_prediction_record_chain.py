"""The chain of the prediction log: what is whole passes, whatever was touched is found and named."""

import hashlib
import hmac
from itertools import pairwise

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.types.v1 import prediction_pb2
from shared.errors import InvalidInput
from shared.prediction_record.chain import (
    genesis_hash,
    personal_digest,
    record_hash,
    segment_digest,
    verify_segment,
)

INSTANCE = "5c1f5c38-6c5b-4f0e-9f1a-000000000001"


def record(previous: bytes, sequence: int) -> prediction_pb2.PredictionRecord:
    """Return a sound record about applicant number `sequence`."""
    personal = prediction_pb2.PersonalPart(applicant_id=str(sequence), values=[1.0, 2.0]).SerializeToString()
    salt = bytes([sequence % 256]) * 16
    decision = prediction_pb2.DecisionPart(
        layout_version=1,
        prediction_id=f"prediction-{sequence}",
        probability=0.25,
        personal_digest=personal_digest(salt, personal),
    ).SerializeToString()
    return prediction_pb2.PredictionRecord(
        sequence=sequence,
        decision_part=decision,
        personal_part=personal,
        salt=salt,
        hash=record_hash(previous, sequence, decision),
    )


def seal(segment: prediction_pb2.Segment) -> prediction_pb2.Segment:
    """Set the digest that fits the segment's content."""
    segment.digest = segment_digest(segment)
    return segment


def segments(lengths: list[int]) -> list[prediction_pb2.Segment]:
    """Return the consecutive sound segments of one instance with so many records each."""
    made = []
    previous, sequence = genesis_hash(INSTANCE), 0
    for number, length in enumerate(lengths, start=1):
        segment = prediction_pb2.Segment(instance=INSTANCE, number=number, previous_hash=previous)
        for _ in range(length):
            sequence += 1
            segment.records.append(record(previous, sequence))
            previous = segment.records[-1].hash
        made.append(seal(segment))
    return made


def refusal(segment: prediction_pb2.Segment) -> InvalidInput:
    """Return the error that verifying the segment raises."""
    with pytest.raises(InvalidInput) as caught:
        verify_segment(segment)
    assert caught.value.reason == "SEGMENT_CORRUPT"
    return caught.value


def test_the_formulas_are_those_of_the_proto() -> None:
    """Written out with hashlib alone, as an auditor in another language would."""
    previous, decision = b"\x07" * 32, b"decision"

    link = hashlib.sha256(previous + (258).to_bytes(8, "big") + hashlib.sha256(decision).digest()).digest()

    assert genesis_hash(INSTANCE) == hashlib.sha256(INSTANCE.encode()).digest()
    assert record_hash(previous, 258, decision) == link
    assert personal_digest(b"salt", b"person") == hmac.new(b"salt", b"person", hashlib.sha256).digest()


@pytest.mark.parametrize("pieces", [(b"person",), (b"per", memoryview(b"son")), (b"", b"perso", b"n", b"")])
def test_a_personal_part_in_pieces_has_the_digest_of_the_whole(pieces: tuple[bytes | memoryview, ...]) -> None:
    """Wherever it is cut, and if a piece is empty."""
    assert personal_digest(b"salt", *pieces) == hmac.new(b"salt", b"person", hashlib.sha256).digest()


def test_the_segment_digest_is_that_of_the_proto() -> None:
    """Length-prefixed byte strings, bare numbers, in the order that the comment gives."""
    segment = prediction_pb2.Segment(instance="i", number=3, previous_hash=b"p")
    segment.records.add(sequence=9, decision_part=b"dd", personal_part=b"", salt=b"s", hash=b"hhh")

    content = b"\0" * 7 + b"\1i" + b"\0" * 7 + b"\3" + b"\0" * 7 + b"\1p" + b"\0" * 7 + b"\x09"
    content += b"\0" * 7 + b"\2dd" + b"\0" * 8 + b"\0" * 7 + b"\1s" + b"\0" * 7 + b"\3hhh"

    assert segment_digest(segment) == hashlib.sha256(content).digest()


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_sound_segments_verify_and_link(lengths: list[int]) -> None:
    """Each segment begins where the one before it ended."""
    made = segments(lengths)

    for segment in made:
        verify_segment(segment)

    assert all(after.previous_hash == before.records[-1].hash for before, after in pairwise(made))


@given(st.data())
def test_a_flipped_byte_anywhere_is_found(data: st.DataObject) -> None:
    """Whatever byte of the wire form changes: it no longer parses, parses to the same content, or is refused."""
    segment = segments([2, 3])[1]
    wire = bytearray(segment.SerializeToString())
    position = data.draw(st.integers(0, len(wire) - 1))
    wire[position] ^= data.draw(st.integers(1, 255))

    try:
        damaged = prediction_pb2.Segment.FromString(bytes(wire))
    except DecodeError:
        return

    if damaged == segment:
        return
    with pytest.raises(InvalidInput) as caught:
        verify_segment(damaged)
    assert caught.value.reason == "SEGMENT_CORRUPT"


@given(
    st.integers(0, 4),
    st.sampled_from(["decision_part", "personal_part", "salt", "hash"]),
    st.integers(0, 15),
    st.integers(1, 255),
)
def test_the_first_bad_record_is_named(position: int, field: str, offset: int, flip: int) -> None:
    """A flip in a record is reported at that record, even when the segment's digest was made to fit again."""
    segment = segments([5])[0]
    part = bytearray(getattr(segment.records[position], field))
    part[offset] ^= flip
    setattr(segment.records[position], field, bytes(part))

    error = refusal(seal(segment))

    assert error.violations[0].field.startswith(f"segment.records[{position}].")


@given(st.integers(0, 3))
def test_a_gap_is_found_at_the_record_after_it(position: int) -> None:
    """Leaving out a record breaks the sequence, whatever digest is put on it."""
    segment = segments([5])[0]
    del segment.records[position]

    error = refusal(seal(segment))

    assert error.violations[0].field == (
        "segment.records[0].sequence" if position == 0 else f"segment.records[{position}].sequence"
    )


@given(st.permutations(range(4)))
def test_a_reorder_is_found(order: list[int]) -> None:
    """Any order but the written one is refused."""
    segment = segments([4])[0]
    shuffled = [segment.records[position] for position in order]
    reordered = prediction_pb2.Segment(
        instance=INSTANCE, number=1, previous_hash=segment.previous_hash, records=shuffled
    )

    if order == sorted(order):
        verify_segment(seal(reordered))
    else:
        refusal(seal(reordered))


def test_renumbering_does_not_hide_a_reorder() -> None:
    """The sequence is inside the link, so swapped records with swapped numbers still do not link."""
    segment = segments([2])[0]
    first, second = segment.records[1], segment.records[0]
    swapped = prediction_pb2.Segment(
        instance=INSTANCE, number=1, previous_hash=segment.previous_hash, records=[first, second]
    )
    swapped.records[0].sequence, swapped.records[1].sequence = 1, 2

    error = refusal(seal(swapped))

    assert error.violations[0].field == "segment.records[0].hash"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"instance": ""}, "segment.instance"),
        ({"instance": "another"}, "segment.previous_hash"),
        ({"number": 0}, "segment.number"),
        ({"number": 2}, "segment.records[0].sequence"),
        ({"previous_hash": b"\0" * 32}, "segment.previous_hash"),
        ({"digest": b"\0" * 32}, "segment.digest"),
    ],
)
def test_the_segments_own_bad_field_is_named(change: dict[str, object], field: str) -> None:
    """What belongs to the segment and to no record is named as such."""
    segment = segments([2])[0]
    for name, value in change.items():
        setattr(segment, name, value)

    error = refusal(segment)

    assert error.violations[0].field == field


def test_a_segment_without_records_is_refused() -> None:
    """There is nothing to acknowledge in it."""
    empty = prediction_pb2.Segment(instance=INSTANCE, number=1, previous_hash=genesis_hash(INSTANCE))

    error = refusal(seal(empty))

    assert error.violations[0].field == "segment.records"


def test_a_short_previous_hash_is_refused() -> None:
    """A later segment cannot hide its link behind an empty one."""
    segment = segments([1, 1])[1]
    segment.previous_hash = b"short"

    error = refusal(seal(segment))

    assert error.violations[0].field == "segment.previous_hash"


def test_a_decision_part_that_does_not_parse_is_refused() -> None:
    """Bytes with a valid link are still no decision."""
    segment = prediction_pb2.Segment(instance=INSTANCE, number=1, previous_hash=genesis_hash(INSTANCE))
    segment.records.add(sequence=1, decision_part=b"\xff", hash=record_hash(segment.previous_hash, 1, b"\xff"))

    error = refusal(seal(segment))

    assert error.violations[0].field == "segment.records[0].decision_part"
