"""Answers in the spools of other processes: found as they are written; where none can be read, that is an error."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from services.scorer.adapters.other_spools import OtherSpools
from services.scorer.adapters.spool import Spool, StoredAnswer
from shared.errors import Unavailable
from tests.adapters.spools import KEY, entry, kept
from tests.clock import Clock


def test_the_answers_about_all_rows_of_a_call_are_found_in_whichever_spool(tmp_path: Path) -> None:
    """Each row's own; another caller, method or request_id has other answers."""
    clock = Clock()
    spools = [Spool(tmp_path / name, clock=clock) for name in ("spool", "spool-1")]
    others = OtherSpools([tmp_path / "spool", tmp_path / "spool-1"], clock=clock)

    for row, spool in enumerate([spools[0], spools[1], spools[0]]):
        spool.append([entry(row, kept=kept(b"row %d, record " % row, KEY._replace(row=row)))])
    found = others.find(KEY)
    others_calls = (KEY._replace(caller="x"), KEY._replace(method="x"), KEY._replace(request_id="x"))
    strange = [others.find(call) for call in others_calls]
    others.close()
    for spool in spools:
        spool.close()

    assert found == {
        0: StoredAnswer(b"digest", b"row 0, record 1"),
        1: StoredAnswer(b"digest", b"row 1, record 1"),
        2: StoredAnswer(b"digest", b"row 2, record 2"),
    }
    assert strange == [{}, {}, {}]


def test_a_spool_that_is_made_later_is_read_from_then_on(tmp_path: Path) -> None:
    """Workers start one after the other; nothing is made in another's place."""
    clock = Clock()
    others = OtherSpools([tmp_path], clock=clock)

    before, made = others.find(KEY), list(tmp_path.iterdir())
    spool = Spool(tmp_path, clock=clock)
    empty = others.find(KEY)
    spool.append([entry(1, kept=kept())])
    after = others.find(KEY)
    others.close()
    spool.close()

    assert (before, made, empty) == ({}, [], {})
    assert after[0].answer == b"answer1"


@pytest.mark.parametrize("schema", ["", "CREATE TABLE chain (only INTEGER)"])
def test_a_spool_that_is_just_being_made_is_left_alone(tmp_path: Path, schema: str) -> None:
    """Neither a file that is no database yet nor one without its tables is an error."""
    with sqlite3.connect(tmp_path / "spool.db") as maker:
        if schema:
            maker.execute("PRAGMA journal_mode = WAL")
            maker.execute(schema)
    others = OtherSpools([tmp_path], clock=Clock())

    found = others.find(KEY)
    maker.close()

    assert found == {}


def test_an_answer_is_forgotten_after_24_hours(tmp_path: Path) -> None:
    """As in the spool that keeps it."""
    clock = Clock()
    spool, others = Spool(tmp_path, clock=clock), OtherSpools([tmp_path], clock=clock)
    spool.append([entry(1, kept=kept())])

    clock.move(timedelta(hours=24))
    found = others.find(KEY)
    others.close()
    spool.close()

    assert found == {}


def test_what_a_crashed_process_had_committed_is_found(tmp_path: Path) -> None:
    """Its file is as SIGKILL leaves it: the answer in the log of the database, nobody to bring it over."""
    clock = Clock()
    crashed, copy = Spool(tmp_path / "crashed", clock=clock), tmp_path / "copy"
    crashed.append([entry(1, kept=kept())])
    copy.mkdir()
    for name in ("spool.db", "spool.db-wal"):
        (copy / name).write_bytes((tmp_path / "crashed" / name).read_bytes())
    others = OtherSpools([copy], clock=clock)

    found = others.find(KEY)
    others.close()
    crashed.close()

    assert found[0].answer == b"answer1"


def test_a_spool_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """It might hold the answer, so nobody may say that there is none."""
    spool, others = Spool(tmp_path, clock=Clock()), OtherSpools([tmp_path], clock=Clock())
    others.find(KEY)
    spool._writer.execute("DROP TABLE answers")

    with pytest.raises(Unavailable) as caught:
        others.find(KEY)
    others.close()
    spool.close()

    assert caught.value.reason == "SPOOL_FAILED"
