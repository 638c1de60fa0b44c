"""How the log judges a segment against what it holds."""

import pytest

from services.monitor.domain.chain import Continuity, Head, SegmentFacts, advance, alert_for, continuity, is_stored
from shared.errors import AlreadyExists

HEAD = Head(number=4, last_sequence=40, last_hash=b"h" * 32)


def segment(number: int, first_sequence: int = 41, previous_hash: bytes = b"h" * 32) -> SegmentFacts:
    """Return a segment of ten records."""
    return SegmentFacts("spool-1", number, b"d" * 32, previous_hash, first_sequence, first_sequence + 9, b"l" * 32)


@pytest.mark.parametrize(
    ("head", "arrived", "expected"),
    [
        (None, segment(1, 1), Continuity.CONTINUED),
        (None, segment(3), Continuity.GAP),
        (HEAD, segment(5), Continuity.CONTINUED),
        (HEAD, segment(6), Continuity.GAP),
        (HEAD, segment(2), Continuity.LATE),
        (HEAD, segment(5, 42), Continuity.BROKEN),
        (HEAD, segment(5, previous_hash=b"x" * 32), Continuity.BROKEN),
    ],
)
def test_a_segment_is_held_against_the_one_before_it(
    head: Head | None, arrived: SegmentFacts, expected: Continuity
) -> None:
    """Only the next number that builds on the last record continues the chain."""
    assert continuity(head, arrived) is expected


def test_what_continues_the_chain_raises_no_alert() -> None:
    """An alert is for an auditor, not for every segment."""
    assert alert_for(Continuity.CONTINUED, HEAD, segment(5)) is None


def test_an_alert_names_instance_and_number() -> None:
    """An auditor must find the place."""
    alert = alert_for(Continuity.GAP, HEAD, segment(9))

    assert alert is not None
    assert (alert.reason, alert.instance, alert.number) == ("SEGMENT_GAP", "spool-1", 9)
    assert "5 was expected" in alert.message


def test_a_late_segment_does_not_move_the_head() -> None:
    """The head is the highest number, whatever arrives last."""
    assert advance(HEAD, segment(2)) == HEAD
    assert advance(HEAD, segment(7, 71)) == Head(7, 80, b"l" * 32)


def test_a_number_with_other_content_is_a_conflict() -> None:
    """Two spools under one name must not overwrite each other."""
    with pytest.raises(AlreadyExists) as conflict:
        is_stored(segment(4), b"e" * 32)

    assert conflict.value.reason == "SEGMENT_CONFLICT"
    assert conflict.value.metadata == {"instance": "spool-1", "number": "4"}


def test_the_same_content_is_known() -> None:
    """A segment that is sent twice is recognised by its digest."""
    assert is_stored(segment(4), b"d" * 32)
    assert not is_stored(segment(5), None)
