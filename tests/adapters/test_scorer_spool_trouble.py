"""The spool when something goes wrong: the disk, its bound, its folder, another process, a later version."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.scorer.adapters.spool import Spool
from shared.errors import Precondition, Unavailable
from shared.prediction_record.chain import verify_segment
from tests.adapters.spools import KEY, MIB, drain, entry, fill, kept, late_failures
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


def test_a_second_process_cannot_open_the_spool(spool: Spool, tmp_path: Path, clock: Clock) -> None:
    """Two writers would break the chain."""
    assert spool.instance

    with pytest.raises(Precondition) as caught:
        Spool(tmp_path, clock=clock)

    assert caught.value.reason == "SPOOL_LOCKED"


def test_a_full_spool_writes_nothing_and_goes_on_once_it_was_shipped(tmp_path: Path, clock: Clock) -> None:
    """What was receipted before is all there, the refused record is not, and deleting makes room again."""
    spool = Spool(tmp_path, clock=clock, max_bytes=256 * 1024)
    receipts, full = fill(spool)
    filled = spool.depth()

    shipped = [record for segment in drain(spool, 64 * 1024) for record in segment.records]
    emptied = spool.depth()
    after = spool.append([entry(2, size=4000)])
    spool.close()

    assert full.reason == "SPOOL_FULL"
    assert len(receipts) > 25
    assert [record.sequence for record in shipped] == [receipt.sequence for receipt in receipts]
    assert after[0].sequence == receipts[-1].sequence + 1
    assert 0.9 < filled.used <= 1.0
    assert emptied.used < 0.5


def test_answers_that_are_kept_count_to_what_is_used(spool: Spool) -> None:
    """Shipped records make room, answers under a request_id stay for 24 hours: an operator has to see them."""
    before = spool.depth()
    for number in range(50):
        answer = kept(b"a" * 4000, KEY._replace(request_id=str(number)))
        spool.append([entry(number, kept=answer)])
    drain(spool)

    after = spool.depth()

    assert (after.records, after.bytes) == (0, 0)
    assert after.used > before.used


def test_trouble_with_the_disk_is_unavailable_and_nothing_is_acknowledged(
    spool: Spool,
) -> None:
    """An error of SQLite's becomes a domain error; the next record takes the number that the failed one did not get."""
    spool.append([entry(1)])

    # SQLite breaks off whatever it is doing as soon as this answers something else than 0.
    spool._writer.set_progress_handler(lambda: 1, 1)
    with pytest.raises(Unavailable) as caught:
        spool.append([entry(2)])
    spool._writer.set_progress_handler(None, 1)
    (receipt,) = spool.append([entry(3)])

    assert caught.value.reason == "SPOOL_FAILED"
    assert receipt.sequence == 2


def test_a_commit_that_took_place_after_all_breaks_no_chain(spool: Spool, tmp_path: Path) -> None:
    """Its record was never acknowledged and ships all the same; the next one links to it, and each segment verifies."""
    spool.append([entry(1)])
    with late_failures(spool, tmp_path):
        for failing in (lambda: spool.append([entry(2)]), lambda: spool.seal(MIB)):
            with pytest.raises(Unavailable):
                failing()

    (receipt,) = spool.append([entry(3)])
    segments = drain(spool)

    for segment in segments:
        verify_segment(segment)
    assert receipt.sequence == 3
    assert [[record.sequence for record in segment.records] for segment in segments] == [[1, 2], [3]]


def test_an_idle_spool_is_not_written_to(spool: Spool) -> None:
    """Sealing nothing, every second, costs no write to the disk."""
    spool.append([entry(1)])
    drain(spool)
    before = spool._writer.total_changes

    assert spool.seal(MIB) is None
    assert spool._writer.total_changes == before


def test_a_folder_that_cannot_be_made_is_refused_without_its_path(tmp_path: Path, clock: Clock) -> None:
    """The variable to change is named, and no traceback ends the start."""
    (tmp_path / "file").touch()

    with pytest.raises(Precondition) as caught:
        Spool(tmp_path / "file" / "spool", clock=clock)

    assert caught.value.reason == "SPOOL_UNUSABLE"
    assert "COUNTERFOIL_STATE_DIR" in caught.value.message
    assert str(tmp_path) not in caught.value.message


def test_what_sqlite_says_goes_to_the_log_alone(tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """The error sends an operator to the log, and there the cause is."""
    (tmp_path / "spool.db").write_bytes(b"no database " * 100)

    with pytest.raises(Unavailable) as caught:
        Spool(tmp_path, clock=clock)

    assert "not a database" not in caught.value.message
    assert "not a database" in str([vars(record).get("fields") for record in caplog.records])


def test_an_unknown_layout_is_refused(tmp_path: Path, clock: Clock) -> None:
    """A spool of a later version is left alone, not misread."""
    Spool(tmp_path, clock=clock).close()
    with sqlite3.connect(tmp_path / "spool.db") as connection:
        connection.execute("UPDATE chain SET layout = 99")
    connection.close()

    with pytest.raises(Precondition) as caught:
        Spool(tmp_path, clock=clock)

    assert caught.value.reason == "SPOOL_LAYOUT"
