"""The spool on a real disk: durable, chained across restarts, bounded, its segments unchanged until acknowledged."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.types.v1 import prediction_pb2
from services.scorer.adapters.spool import AnswerKey, Spool
from shared.prediction_record.chain import genesis_hash, verify_segment
from tests.adapters.spools import KEY, MIB, drain, entry, kept
from tests.clock import Clock


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


@pytest.fixture
def spool(tmp_path: Path, clock: Clock) -> Iterator[Spool]:
    """Give an open spool."""
    spool = Spool(tmp_path, clock=clock)
    yield spool
    spool.close()


def test_receipts_count_from_1_without_gaps(spool: Spool) -> None:
    """Over commits of any size."""
    receipts = spool.append([entry(1), entry(2)]) + spool.append([entry(3)])

    assert [receipt.sequence for receipt in receipts] == [1, 2, 3]
    assert {receipt.instance for receipt in receipts} == {spool.instance}


def test_a_receipt_holds_the_records_link(spool: Spool) -> None:
    """What the lender keeps is what the log shows."""
    receipts = spool.append([entry(1), entry(2)])

    (segment,) = drain(spool)

    assert [record.hash for record in segment.records] == [receipt.hash for receipt in receipts]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 400), min_size=1, max_size=6), min_size=1, max_size=6),
    st.integers(1, 1500),
    st.sets(st.integers(0, 5)),
)
def test_however_records_are_committed_cut_and_reopened_the_chain_holds(
    commits: list[list[int]], segment_bytes: int, reopened_after: set[int]
) -> None:
    """Segments verify, link to each other, are numbered from 1 and hold each record once, in order."""
    segments: list[prediction_pb2.Segment] = []
    with TemporaryDirectory() as folder:
        spool = Spool(Path(folder), clock=Clock())
        for place, sizes in enumerate(commits):
            spool.append([entry(size, size=size) for size in sizes])
            if place in reopened_after:
                spool.seal(segment_bytes)
                spool.close()
                spool = Spool(Path(folder), clock=Clock())
            elif place % 2:
                segments += drain(spool, segment_bytes)
        segments += drain(spool, segment_bytes)
        instance = spool.instance
        spool.close()

    previous = genesis_hash(instance)
    for number, segment in enumerate(segments, start=1):
        verify_segment(segment)
        assert (segment.number, segment.previous_hash) == (number, previous)
        previous = segment.records[-1].hash
    sequences = [record.sequence for segment in segments for record in segment.records]
    assert sequences == list(range(1, 1 + sum(len(sizes) for sizes in commits)))


def test_a_crash_loses_nothing_that_was_receipted(tmp_path: Path, clock: Clock) -> None:
    """A copy of the files as they lie after the commit, as a kill leaves them, goes on with sequence and chain."""
    alive, after = tmp_path / "alive", tmp_path / "after"
    spool = Spool(alive, clock=clock)
    spool.append([entry(1), entry(2)])
    after.mkdir()
    for name in ("spool.db", "spool.db-wal"):
        (after / name).write_bytes((alive / name).read_bytes())
    spool.close()

    reopened = Spool(after, clock=clock)
    (receipt,) = reopened.append([entry(3)])
    (segment,) = drain(reopened)
    reopened.close()

    verify_segment(segment)
    assert receipt.sequence == 3
    assert [record.sequence for record in segment.records] == [1, 2, 3]


def test_a_sealed_segment_stays_the_same_until_it_is_acknowledged(tmp_path: Path, clock: Clock) -> None:
    """Whatever is appended meanwhile, and over a restart: sent twice, it must be stored once."""
    spool = Spool(tmp_path, clock=clock)
    spool.append([entry(1)])
    sealed = spool.seal(MIB)
    spool.append([entry(2)])
    again = spool.seal(MIB)
    spool.close()
    reopened = Spool(tmp_path, clock=clock)
    after = reopened.seal(MIB)
    reopened.close()

    assert sealed == again == after
    assert sealed is not None
    assert len(sealed.records) == 1


def test_only_the_sealed_segment_can_be_acknowledged(spool: Spool) -> None:
    """Anything else would delete what the monitor does not have."""
    spool.append([entry(1)])
    (segment,) = drain(spool)
    spool.append([entry(2)])

    with pytest.raises(ValueError, match="is not the sealed one"):
        spool.acknowledge(segment)

    assert len(drain(spool)) == 1


def test_open_bytes_are_those_of_records_in_no_segment(spool: Spool) -> None:
    """They rise with each record and fall when a segment is sealed."""
    spool.append([entry(1, size=500)])
    before = spool.open_bytes
    spool.seal(MIB)

    assert before > 500
    assert spool.open_bytes == 0


def test_a_kept_answer_is_found_with_its_receipt(spool: Spool) -> None:
    """Its bytes were made with the sequence that the record got."""
    spool.append([entry(1), entry(2, kept=kept())])

    found = spool.find_answer(KEY)

    assert found is not None
    assert (found.digest, found.answer) == (b"digest", b"answer2")


@pytest.mark.parametrize(
    "other",
    [
        AnswerKey("bank", "Score", "r-1"),
        AnswerKey("unverified", "BatchScore", "r-1"),
        AnswerKey("unverified", "Score", "r-2"),
        AnswerKey("unverified", "Score", "r-1", row=1),
    ],
)
def test_an_answer_is_kept_for_its_own_key_alone(spool: Spool, other: AnswerKey) -> None:
    """Another caller, method, id or row never sees it."""
    spool.append([entry(1, kept=kept())])

    assert spool.find_answer(other) is None


def test_kept_answers_expire_after_24_hours_and_are_purged(spool: Spool, clock: Clock) -> None:
    """They are not found any more, and purging removes as many as it is allowed to."""
    spool.append([entry(number, kept=kept(key=AnswerKey("c", "Score", str(number)))) for number in range(3)])
    early = spool.purge(10)

    clock.move(timedelta(hours=24))

    assert spool.find_answer(AnswerKey("c", "Score", "1")) is None
    assert (early, spool.purge(2), spool.purge(2)) == (0, 2, 1)
