"""The ledger on a real Delta table: every segment exactly once, on disk before it is acknowledged."""

import datetime as dt
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from deltalake import DeltaTable

from counterfoil.types.v1 import prediction_pb2
from services.monitor.adapters.ledger import Ledger
from services.monitor.adapters.ledger_files import named_digest
from services.monitor.adapters.log_store import LocalStore
from services.monitor.domain.chain import Continuity
from services.monitor.domain.status import Tally
from shared.errors import AlreadyExists, Unavailable
from tests.unit.monitor.models import MODEL_VERSION
from tests.unit.monitor.segments import NOW, Spool, numbered, seeded_values


def open_ledger(folder: Path) -> Ledger:
    """Return the ledger below a folder, at a fixed time."""
    return Ledger(LocalStore(folder), lambda: NOW)


def sealed(count: int, rows: int = 3, instance: str = "spool-1") -> list[prediction_pb2.Segment]:
    """Return consecutive segments of an instance."""
    segments, spool = [], Spool(instance)
    for number in range(count):
        segment, spool = spool.seal(seeded_values(rows, seed=number), time=NOW + dt.timedelta(minutes=number))
        segments.append(segment)
    return segments


def stored(folder: Path) -> list[tuple[str, int, int]]:
    """Return instance, number and sequence of each row, as any reader of Delta sees them."""
    rows = DeltaTable(folder / "ledger").to_pyarrow_table(columns=["instance", "number", "sequence"]).to_pylist()
    return sorted((row["instance"], row["number"], row["sequence"]) for row in rows)


def test_a_segment_sent_twice_is_stored_once(tmp_path: Path) -> None:
    """The sender repeats what was not acknowledged."""
    ledger = open_ledger(tmp_path)
    (segment,) = sealed(1)

    first, second = ledger.append(segment), ledger.append(segment)

    assert (first.already_stored, second.already_stored) == (False, True)
    assert stored(tmp_path) == [("spool-1", 1, 1), ("spool-1", 1, 2), ("spool-1", 1, 3)]


def test_a_segment_is_known_after_a_restart(tmp_path: Path) -> None:
    """Also one that is not the newest."""
    segments = sealed(3)
    before = open_ledger(tmp_path)
    for segment in segments:
        before.append(segment)

    after = open_ledger(tmp_path)

    assert all(after.append(segment).already_stored for segment in segments)
    assert len(stored(tmp_path)) == 9
    assert after.tally(MODEL_VERSION) == before.tally(MODEL_VERSION)


def test_the_chain_is_held_against_the_head_after_a_restart(tmp_path: Path) -> None:
    """Where an instance stands is read out of the log, not out of memory."""
    first, second, third = sealed(3)
    open_ledger(tmp_path).append(first)

    continued, gap = open_ledger(tmp_path).append(second), open_ledger(tmp_path).append(numbered(third, 7))

    assert continued.alert is None
    assert gap.alert is not None
    assert gap.alert.reason == "SEGMENT_GAP"


def test_a_number_with_other_content_is_refused_and_nothing_of_it_stored(tmp_path: Path) -> None:
    """Two spools under one name must not mix."""
    ledger = open_ledger(tmp_path)
    ours, theirs = sealed(1)[0], Spool().seal(seeded_values(2, seed=99))[0]
    ledger.append(ours)

    with pytest.raises(AlreadyExists) as conflict:
        ledger.append(theirs)

    assert conflict.value.reason == "SEGMENT_CONFLICT"
    assert len(stored(tmp_path)) == 3


def test_gaps_and_broken_chains_are_kept_and_told(tmp_path: Path) -> None:
    """Refusing them would stop lending; an auditor must know of them all the same."""
    ledger = open_ledger(tmp_path)
    first, second, third = sealed(3)
    broken = Spool("spool-1", number=3, sequence=9, last_hash=b"x" * 32).seal(seeded_values(3))[0]

    alerts = [ledger.append(segment).alert for segment in (first, third, second, broken)]

    assert [alert and alert.reason for alert in alerts] == [None, "SEGMENT_GAP", "SEGMENT_LATE", "SEGMENT_BROKEN"]
    rows = DeltaTable(tmp_path / "ledger").to_pyarrow_table(columns=["number", "continuity"]).to_pylist()
    found = {row["number"]: row["continuity"] for row in rows}
    assert found == {1: Continuity.CONTINUED, 2: Continuity.LATE, 3: Continuity.GAP, 4: Continuity.BROKEN}


def test_a_late_segment_sent_twice_is_stored_once(tmp_path: Path) -> None:
    """The transaction identifier alone cannot tell: the head stays where it is."""
    ledger = open_ledger(tmp_path)
    first, second, third = sealed(3)
    for segment in (first, third, second):
        ledger.append(segment)

    assert ledger.append(second).already_stored
    assert open_ledger(tmp_path).append(second).already_stored
    assert len(stored(tmp_path)) == 9


def test_two_writers_that_race_store_each_segment_once(tmp_path: Path) -> None:
    """A second process on the same table loses the race and looks again."""
    segments = sealed(12, rows=2)
    writers = [open_ledger(tmp_path), open_ledger(tmp_path)]

    def send(ledger: Ledger) -> list[bool]:
        return [ledger.append(segment).already_stored for segment in segments]

    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(send, writers))

    assert [sum(found) for found in zip(*outcomes, strict=True)] == [1] * len(segments)
    assert stored(tmp_path) == sorted(
        ("spool-1", segment.number, record.sequence) for segment in segments for record in segment.records
    )
    assert all(ledger.append(segments[-1]).already_stored for ledger in writers)


def test_instances_from_many_threads_do_not_mix(tmp_path: Path) -> None:
    """One lock, many handler threads."""
    ledger = open_ledger(tmp_path)
    instances = {f"spool-{place}": sealed(3, rows=2, instance=f"spool-{place}") for place in range(4)}

    with ThreadPoolExecutor(4) as threads:
        outcomes = threads.map(lambda segments: [ledger.append(each) for each in segments], instances.values())
        found = [appended for appended_of_one in outcomes for appended in appended_of_one]

    assert all(appended.alert is None and not appended.already_stored for appended in found)
    assert ledger.tally(MODEL_VERSION) == Tally(24, NOW + dt.timedelta(minutes=2, seconds=1))
    assert ledger.tally("models/other/versions/1") == Tally()


def test_bytes_are_kept_as_they_were_sent(tmp_path: Path) -> None:
    """The proof is over these very bytes."""
    (segment,) = sealed(1)
    open_ledger(tmp_path).append(segment)

    columns = ["sequence", "decision_part", "personal_part", "salt", "hash", "previous_hash", "digest"]
    rows = DeltaTable(tmp_path / "ledger").to_pyarrow_table(columns=columns).sort_by("sequence").to_pylist()

    for row, record in zip(rows, segment.records, strict=True):
        kept = {name: row[name] for name in ("decision_part", "personal_part", "salt", "hash")}
        assert kept == {name: getattr(record, name) for name in kept}
        assert (row["previous_hash"], row["digest"]) == (segment.previous_hash, segment.digest)


def test_everything_is_synced_before_the_acknowledgement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store's library syncs nothing itself: each commit's files and folders must be."""
    ledger = open_ledger(tmp_path)
    synced: set[Path] = set()
    monkeypatch.setattr(os, "fsync", lambda handle: synced.add(Path(f"/proc/self/fd/{handle}").readlink()))

    ledger.append(sealed(1)[0])

    table = tmp_path / "ledger"
    (data,) = table.rglob("day=*/*.parquet")
    assert synced == {data, data.parent, table / "_delta_log" / f"{1:020d}.json", table / "_delta_log", table}
    assert ledger.version == 1


def test_a_disk_that_fails_to_sync_acknowledges_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failed fsync of a commit only a new start can tell what is on disk."""
    ledger = open_ledger(tmp_path)
    first, second = sealed(2)

    def fail(handle: int) -> None:
        if "_delta_log" in str(Path(f"/proc/self/fd/{handle}").readlink()):
            raise OSError("the disk is gone")

    with monkeypatch.context() as broken_disk:
        broken_disk.setattr(os, "fsync", fail)
        with pytest.raises(Unavailable):
            ledger.append(first)
    with pytest.raises(Unavailable) as refused:
        ledger.append(second)

    assert refused.value.reason == "LOG_UNAVAILABLE"
    assert open_ledger(tmp_path).append(first).already_stored


def test_a_file_that_fails_to_sync_is_no_part_of_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No commit names it; the next try writes another."""
    ledger = open_ledger(tmp_path)
    (segment,) = sealed(1)

    def fail(_handle: int) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as full_disk:
        full_disk.setattr(os, "fsync", fail)
        with pytest.raises(Unavailable):
            ledger.append(segment)

    assert stored(tmp_path) == []
    assert not ledger.append(segment).already_stored
    assert len(stored(tmp_path)) == 3


def test_segments_that_wait_together_share_a_commit(tmp_path: Path) -> None:
    """A commit costs the same for one segment and for many; each is acknowledged as if it had been alone."""
    ledger = open_ledger(tmp_path)
    instances = [sealed(2, instance=f"spool-{place}") for place in range(6)]

    with ThreadPoolExecutor(12) as threads:
        outcomes = list(threads.map(ledger.append, [segments[0] for segments in instances] * 2))

    assert sorted(outcome.already_stored for outcome in outcomes) == [False] * 6 + [True] * 6
    assert ledger.version <= 6
    assert len(stored(tmp_path)) == 18
    assert all(not ledger.append(segments[1]).alert for segments in instances)


def test_a_conflict_harms_nobody_in_its_commit(tmp_path: Path) -> None:
    """What waits beside a segment that is refused is stored all the same."""
    ledger = open_ledger(tmp_path)
    ledger.append(sealed(1)[0])
    conflicting = Spool().seal(seeded_values(2, seed=99))[0]
    others = [sealed(1, instance=f"other-{place}")[0] for place in range(5)]

    with ThreadPoolExecutor(6) as threads:
        waiting = [threads.submit(ledger.append, segment) for segment in [*others, conflicting]]

    assert [future.exception() is None for future in waiting] == [True] * 5 + [False]
    assert len(stored(tmp_path)) == 18


def test_no_file_is_left_of_what_was_not_stored(tmp_path: Path) -> None:
    """Repeats and conflicts would fill the disk."""
    ledger = open_ledger(tmp_path)
    (segment,) = sealed(1)
    for _ in range(3):
        ledger.append(segment)
    with pytest.raises(AlreadyExists):
        ledger.append(Spool().seal(seeded_values(2, seed=99))[0])

    assert len(list((tmp_path / "ledger").rglob("day=*/*.parquet"))) == 1


def test_a_file_is_named_by_its_content(tmp_path: Path) -> None:
    """An auditor needs no more than SHA-256 to see a changed byte."""
    open_ledger(tmp_path).append(sealed(1)[0])

    (file,) = (tmp_path / "ledger").rglob("day=*/*.parquet")

    assert named_digest(file.name) == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_log_that_cannot_be_read_is_refused_at_the_start(tmp_path: Path) -> None:
    """A new empty log beside a damaged one would look as if nothing had ever been decided."""
    open_ledger(tmp_path).append(sealed(1)[0])
    (tmp_path / "ledger" / "_delta_log" / f"{0:020d}.json").write_text("damaged")

    with pytest.raises(Unavailable) as refused:
        open_ledger(tmp_path)

    assert refused.value.reason == "LOG_UNAVAILABLE"


def test_a_full_disk_stores_nothing_and_the_next_try_succeeds(tmp_path: Path) -> None:
    """A write that fails leaves the log as it was; once there is room the same segment is taken."""
    ledger = open_ledger(tmp_path)
    first, second = sealed(2)
    ledger.append(first)
    day = next((tmp_path / "ledger").glob("day=*"))
    kept = day.rename(tmp_path / "kept")
    day.write_text("a file where the data's folder should be")

    with pytest.raises(Unavailable) as refused:
        ledger.append(second)
    day.unlink()
    kept.rename(day)

    assert refused.value.reason == "LOG_UNAVAILABLE"
    assert not ledger.append(second).already_stored
    assert len(stored(tmp_path)) == 6


def test_commits_are_read_in_spans_of_a_bounded_size(tmp_path: Path) -> None:
    """Who follows the log has a bounded part of it in memory, and at least one commit."""
    ledger = open_ledger(tmp_path)
    for segment in sealed(5):
        ledger.append(segment)
    each = max(file.stat().st_size for file in (tmp_path / "ledger").rglob("day=*/*.parquet"))

    assert list(ledger.spans(1, 5, size=2 * each)) == [(1, 2), (3, 4), (5, 5)]
    assert list(ledger.spans(1, 5, size=1)) == [(number, number) for number in range(1, 6)]
    assert list(ledger.spans(6, 5, size=1)) == []
