"""What the log decides about a segment: whether it is new, known or in conflict, and whether it continues the chain."""

from dataclasses import dataclass
from enum import StrEnum

from shared.errors import AlreadyExists


class Continuity(StrEnum):
    """How a segment follows what the log holds of its instance; only CONTINUED is as it should be."""

    CONTINUED = "CONTINUED"
    GAP = "GAP"
    BROKEN = "BROKEN"
    LATE = "LATE"


@dataclass(frozen=True)
class SegmentFacts:
    """What is compared of a verified segment; hashes and digest have 32 bytes, sequences and number count from 1."""

    instance: str
    number: int
    digest: bytes
    previous_hash: bytes
    first_sequence: int
    last_sequence: int
    last_hash: bytes


@dataclass(frozen=True)
class Head:
    """The highest-numbered segment that the log holds of an instance."""

    number: int
    last_sequence: int
    last_hash: bytes


@dataclass(frozen=True)
class Alert:
    """Something that an auditor must know about the log; `reason` is stable, `message` is a sentence."""

    reason: str
    message: str
    instance: str = ""
    number: int = 0
    model_version: str = ""


def is_stored(segment: SegmentFacts, stored_digest: bytes | None) -> bool:
    """Return whether the log holds this very segment; `stored_digest` is that of the same instance and number.

    Raises AlreadyExists (SEGMENT_CONFLICT) if the number is taken by other content.
    """
    if stored_digest is None:
        return False
    if stored_digest != segment.digest:
        raise AlreadyExists(
            f"segment {segment.number} of instance {segment.instance} is stored with other content; "
            "an instance's name must never be used by two spools",
            reason="SEGMENT_CONFLICT",
            metadata={"instance": segment.instance, "number": str(segment.number)},
        )
    return True


def continuity(head: Head | None, segment: SegmentFacts) -> Continuity:
    """Return how a segment that the log does not hold follows the instance's head.

    A first segment is numbered 1 (its previous hash has been verified with the segment). LATE is one that fills an
    earlier gap: it cannot be held against the head.
    """
    if head is None:
        return Continuity.CONTINUED if segment.number == 1 else Continuity.GAP
    if segment.number < head.number:
        return Continuity.LATE
    if segment.number > head.number + 1:
        return Continuity.GAP
    follows = segment.first_sequence == head.last_sequence + 1 and segment.previous_hash == head.last_hash
    return Continuity.CONTINUED if follows else Continuity.BROKEN


def advance(head: Head | None, segment: SegmentFacts) -> Head:
    """Return the head once the segment is stored."""
    if head is not None and segment.number < head.number:
        return head
    return Head(segment.number, segment.last_sequence, segment.last_hash)


def alert_for(found: Continuity, head: Head | None, segment: SegmentFacts) -> Alert | None:
    """Return the alert that a segment raises, None if it continues the chain."""
    expected = 1 if head is None else head.number + 1
    messages = {
        Continuity.GAP: f"segment {segment.number} arrived where {expected} was expected: records are missing",
        Continuity.BROKEN: f"segment {segment.number} does not build on the last record of segment {expected - 1}",
        Continuity.LATE: f"segment {segment.number} filled a gap before segment {expected - 1}",
    }
    if found not in messages:
        return None
    return Alert(f"SEGMENT_{found}", messages[found], instance=segment.instance, number=segment.number)


def alert_again(found: Continuity, segment: SegmentFacts) -> Alert | None:
    """Return the alert of a segment that was stored as `found` and arrives anew, None if it continued the chain.

    Its sender had no acknowledgement, so the alert of its first arrival may have been lost as well.
    """
    if found is Continuity.CONTINUED:
        return None
    message = f"segment {segment.number} arrived again; it was stored as {found}, and its alert may not have been kept"
    return Alert(f"SEGMENT_{found}", message, instance=segment.instance, number=segment.number)
