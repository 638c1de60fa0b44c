"""The hash chain that makes the prediction log tamper-evident; the formulas stand in types/v1/prediction.proto.

The scorer builds it, the monitor verifies it, and an auditor can do both with nothing but SHA-256.
"""

import hashlib
import hmac
from collections.abc import Iterator

from google.protobuf.message import DecodeError

from counterfoil.types.v1 import prediction_pb2
from shared.errors import InvalidInput

HASH_BYTES = 32
SALT_BYTES = 16


def genesis_hash(instance: str) -> bytes:
    """Return the hash that record 1 of an instance builds on, 32 bytes."""
    return hashlib.sha256(instance.encode()).digest()


def record_hash(previous: bytes, sequence: int, decision_part: bytes) -> bytes:
    """Return a record's link of the chain, 32 bytes, from the previous record's link."""
    decision_digest = hashlib.sha256(decision_part).digest()
    return hashlib.sha256(previous + _big_endian(sequence) + decision_digest).digest()


def personal_digest(salt: bytes, *personal_part: bytes | memoryview) -> bytes:
    """Return the salted digest of the personal part, whole or in pieces, that stands in the decision part, 32 bytes.

    Without the salt nobody can find the person by trying values, so erasing part and salt together forgets them.
    """
    if len(personal_part) == 1:  # nearly all, in half the time
        return hmac.digest(salt, personal_part[0], "sha256")
    digest = hmac.new(salt, digestmod="sha256")
    for piece in personal_part:
        digest.update(piece)
    return digest.digest()


def segment_digest(segment: prediction_pb2.Segment) -> bytes:
    """Return the SHA-256 over everything in a segment but its own digest, 32 bytes."""
    content = [*_prefixed(segment.instance.encode()), _big_endian(segment.number), *_prefixed(segment.previous_hash)]
    for record in segment.records:
        content.append(_big_endian(record.sequence))
        for part in (record.decision_part, record.personal_part, record.salt, record.hash):
            content += _prefixed(part)
    # One call over everything, during which hashlib lets other threads run.
    return hashlib.sha256(b"".join(content)).digest()


def verify_segment(segment: prediction_pb2.Segment) -> None:
    """Return if every link, every personal digest and the segment's digest are right.

    Raises what `verified_decisions` raises.
    """
    for _ in verified_decisions(segment):
        pass


def verified_decisions(segment: prediction_pb2.Segment) -> Iterator[prediction_pb2.DecisionPart]:
    """Yield the decision part of each record, verified; the segment is verified once the last one was taken.

    Raises InvalidInput (SEGMENT_CORRUPT) that names the first bad record, or the segment's own bad field. It does not
    know the segment before this one: whoever keeps the chain compares `previous_hash` and `number` with what it has.
    Who keeps what it needs of a decision part, instead of all of them, lets the next one have its memory.
    """
    _verify_start(segment)
    previous = segment.previous_hash
    first_sequence = segment.records[0].sequence
    for position, record in enumerate(segment.records):
        yield _verify_record(record, position, previous=previous, sequence=first_sequence + position)
        previous = record.hash
    if segment.digest != segment_digest(segment):
        raise _corrupt("segment.digest", "does not match the segment's content; send the segment as it was sealed")


def _verify_start(segment: prediction_pb2.Segment) -> None:
    if not segment.instance:
        raise _corrupt("segment.instance", "is empty; name the spool that wrote the records")
    if segment.number < 1:
        raise _corrupt("segment.number", "is 0; segments are numbered from 1")
    if not segment.records:
        raise _corrupt("segment.records", "is empty; a segment holds at least one record")
    first_sequence = segment.records[0].sequence
    if (segment.number == 1) != (first_sequence == 1):
        raise _corrupt("segment.records[0].sequence", "record 1 belongs to segment 1 and to no other")
    if first_sequence == 1 and segment.previous_hash != genesis_hash(segment.instance):
        raise _corrupt("segment.previous_hash", "is not the SHA-256 of the instance's name, which record 1 builds on")
    if len(segment.previous_hash) != HASH_BYTES:
        raise _corrupt("segment.previous_hash", f"is not {HASH_BYTES} bytes long")


def _verify_record(
    record: prediction_pb2.PredictionRecord, position: int, *, previous: bytes, sequence: int
) -> prediction_pb2.DecisionPart:
    decision_part = record.decision_part
    if record.sequence != sequence or sequence < 1:
        raise _bad(position, "sequence", f"is {record.sequence} where {sequence} follows; records have no gaps")
    if record.hash != record_hash(previous, sequence, decision_part):
        raise _bad(position, "hash", "does not follow from the previous hash, the sequence and the decision part")
    try:
        decision = prediction_pb2.DecisionPart.FromString(decision_part)
    except DecodeError as error:
        raise _bad(position, "decision_part", "is not a DecisionPart") from error
    if decision.personal_digest != personal_digest(record.salt, record.personal_part):
        raise _bad(position, "personal_part", "does not match the decision part's personal_digest")
    return decision


def _bad(position: int, field: str, description: str) -> InvalidInput:
    return _corrupt(f"segment.records[{position}].{field}", description)


def _corrupt(field_path: str, description: str) -> InvalidInput:
    return InvalidInput.of(field_path, description, reason="SEGMENT_CORRUPT")


def _big_endian(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _prefixed(part: bytes) -> tuple[bytes, bytes]:
    return _big_endian(len(part)), part
