"""VerifyLog's work on a real ledger: whatever was changed in it is found and named."""

import dataclasses
import datetime as dt
import json
import random
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from counterfoil.types.v1 import prediction_pb2
from services.monitor.adapters.erasure_log import ErasureLog
from services.monitor.adapters.ledger import Ledger
from services.monitor.adapters.ledger_proof import LogRange
from services.monitor.adapters.log_store import LocalStore
from services.monitor.domain.erasure import ErasureEntry, Span
from services.monitor.domain.proof import Fault, FaultKind, Receipt
from services.monitor.proving import Proving, Verdict
from shared.errors import Exhausted, NotFound
from tests.unit.monitor.segments import NOW, Spool, numbered, seeded_values

DAY = dt.timedelta(days=1)


class Log:
    """A ledger in a folder whose segments are stored a day apart, and what a check says of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "ledger"
        self.time = NOW
        store = LocalStore(folder)
        self.ledger = Ledger(store, lambda: self.time)
        self.proving = Proving(store, self.ledger)

    def keep(self, *segments: prediction_pb2.Segment) -> None:
        """Store the segments, each a day after the one before."""
        for segment in segments:
            self.ledger.append(segment)
            self.time += DAY

    def verdict(self, wanted: LogRange | None = None, receipts: Sequence[Receipt] = ()) -> Verdict:
        """Return what a check finds."""
        *_, last = self.proving.verify(wanted or LogRange(), receipts, lambda: True)
        assert isinstance(last, Verdict)
        return last

    def fault(self, wanted: LogRange | None = None, receipts: Sequence[Receipt] = ()) -> Fault:
        """Return what a check finds wrong."""
        fault = self.verdict(wanted, receipts).fault
        assert fault is not None
        return fault

    def files(self) -> list[Path]:
        """Return the data files in the order of their days."""
        return sorted(self.folder.rglob("day=*/*.parquet"))


def sealed(count: int, rows: int = 3, instance: str = "spool-1") -> list[prediction_pb2.Segment]:
    """Return consecutive segments of an instance."""
    segments, spool = [], Spool(instance)
    for number in range(count):
        segment, spool = spool.seal(seeded_values(rows, seed=number))
        segments.append(segment)
    return segments


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """Return a log of three segments of three records, and two of another instance."""
    log = Log(tmp_path)
    log.keep(*sealed(3), *sealed(2, instance="spool-2"))
    return log


def rewritten(file: Path, **changed: object) -> Path:
    """Put the file's rows in its place with values of the second row changed, under a name that promises nothing."""
    rows = pq.read_table(file)
    for name, value in changed.items():
        position = rows.schema.get_field_index(name)
        values = rows[name].to_pylist()
        values[1] = value
        rows = rows.set_column(position, rows.schema.field(name), pa.array(values, rows.schema.field(name).type))
    return replaced(file, rows)


def replaced(file: Path, rows: pa.Table) -> Path:
    """Put rows in the file's place under a name that promises nothing, as one who may write to the folder could."""
    written = file.with_name("rewritten.parquet")
    pq.write_table(rows, written)
    file.unlink()
    for entry in (file.parents[1] / "_delta_log").glob("*.json"):
        entry.write_text(entry.read_text().replace(file.name, written.name))
    return written


def test_a_log_as_it_was_sealed_is_proven(log: Log) -> None:
    """What was checked is counted."""
    assert log.verdict() == Verdict(None, instances=2, segments=5, records=15, erased=0, files=5)


def test_an_empty_log_is_proven(tmp_path: Path) -> None:
    """There is nothing that could be wrong."""
    assert Log(tmp_path).verdict() == Verdict()


@pytest.mark.parametrize("seed", range(12))
def test_one_flipped_byte_anywhere_in_a_file_is_found_and_named(log: Log, seed: int) -> None:
    """In a value, in a page's header or in the footer: the file's name tells."""
    chance = random.Random(seed)  # noqa: S311  # it chooses a place and guards nothing
    file = log.files()[1]
    content = bytearray(file.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)

    fault = log.fault()

    assert fault.file == f"{file.parent.name}/{file.name}"
    assert (fault.instance, fault.number) == ("spool-1", 2)


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"decision_part": b"\x08\x01"}, FaultKind.RECORD_CHANGED),
        ({"hash": b"h" * 32}, FaultKind.RECORD_CHANGED),
        ({"sequence": 7}, FaultKind.RECORDS_MISSING),
        ({"personal_part": b"\x0a\x01x"}, FaultKind.PERSONAL_PART_CHANGED),
        ({"personal_part": None}, FaultKind.PERSONAL_PART_CHANGED),
        ({"salt": b"another"}, FaultKind.PERSONAL_PART_CHANGED),
        ({"prediction_id": "another"}, FaultKind.COLUMN_CHANGED),
        ({"create_time": NOW}, FaultKind.COLUMN_CHANGED),
    ],
)
def test_a_changed_record_is_named(log: Log, changed: dict[str, object], kind: FaultKind) -> None:
    """Also where whoever changed it wrote a sound file; instance, segment and record are told."""
    rewritten(log.files()[0], **changed)

    fault = log.fault()

    assert (fault.kind, fault.instance, fault.number) == (kind, "spool-1", 1)
    assert fault.sequence in {2, 7}


def test_a_changed_digest_is_named(log: Log) -> None:
    """It is the segment's, so no record is told."""
    rewritten(log.files()[0], digest=b"d" * 32)

    fault = log.fault()

    assert (fault.kind, fault.number, fault.sequence) == (FaultKind.SEGMENT_CHANGED, 1, 0)


def test_an_erased_record_is_proven_but_for_the_person(log: Log) -> None:
    """Part and salt are gone together; the decision and its place in the chain stay."""
    entry = ErasureEntry("er-1", "ERASURE", NOW, "Article 17", "", "CN=dpo")
    ErasureLog(LocalStore(log.folder.parent)).record(entry, [Span("spool-1", 4, 5)])
    rewritten(log.files()[1], personal_part=None, salt=None)

    verdict = log.verdict()

    assert (verdict.fault, verdict.records, verdict.erased) == (None, 15, 1)


def test_an_erasure_that_is_not_on_record_is_named(log: Log) -> None:
    """Otherwise inputs could be made away with by whoever can write to the log."""
    entry = ErasureEntry("er-1", "ERASURE", NOW, "Article 17", "", "CN=dpo")
    ErasureLog(LocalStore(log.folder.parent)).record(entry, [Span("spool-1", 6, 9), Span("spool-2", 1, 9)])
    rewritten(log.files()[1], personal_part=None, salt=None)

    fault = log.fault()

    assert (fault.kind, fault.instance, fault.number, fault.sequence) == (
        FaultKind.ERASURE_UNRECORDED,
        "spool-1",
        2,
        5,
    )


def test_a_missing_last_record_is_named(log: Log) -> None:
    """What is left of the segment hangs together, but it is not all."""
    file = log.files()[0]
    replaced(file, pq.read_table(file).slice(0, 2))

    fault = log.fault()

    assert (fault.kind, fault.number, fault.sequence) == (FaultKind.RECORDS_MISSING, 1, 2)


def test_a_missing_file_is_named_with_what_it_held(log: Log) -> None:
    """The table's log still tells."""
    file = log.files()[2]
    file.unlink()

    fault = log.fault()

    assert (fault.kind, fault.instance, fault.number) == (FaultKind.FILE_UNREADABLE, "spool-1", 3)
    assert file.name in fault.file


def test_a_segment_that_vanished_with_its_commit_is_missed(log: Log) -> None:
    """Nothing else in the table tells of it."""
    entry = log.folder / "_delta_log" / f"{2:020d}.json"
    lines = [line for line in entry.read_text().splitlines() if "add" not in json.loads(line)]
    entry.write_text("\n".join(lines))

    fault = log.fault()

    assert (fault.kind, fault.instance, fault.number) == (FaultKind.SEGMENT_MISSING, "spool-1", 2)


def test_a_gap_is_found_and_a_late_segment_closes_it(tmp_path: Path) -> None:
    """However many days lie between."""
    first, second, third = sealed(3)
    log = Log(tmp_path)
    log.keep(first, third)
    before = log.fault()

    log.keep(second)

    assert (before.kind, before.number) == (FaultKind.SEGMENT_MISSING, 2)
    assert log.verdict().fault is None
    assert log.verdict(LogRange(end_time=NOW + 2 * DAY)).fault is None


def test_a_broken_chain_is_found(tmp_path: Path) -> None:
    """It was stored all the same, since lending goes on."""
    log = Log(tmp_path)
    log.keep(sealed(1)[0], Spool("spool-1", number=1, sequence=3, last_hash=b"x" * 32).seal(seeded_values(3))[0])

    fault = log.fault()

    assert (fault.kind, fault.number) == (FaultKind.CHAIN_BROKEN, 2)


@pytest.mark.parametrize(
    ("wanted", "segments"),
    [
        (LogRange(instance="spool-1"), 3),
        (LogRange(instance="spool-1", first_number=2), 2),
        (LogRange(instance="spool-1", last_number=2), 2),
        (LogRange(start_time=NOW + DAY, end_time=NOW + 3 * DAY), 2),
        (LogRange(instance="spool-2", start_time=NOW), 2),
    ],
)
def test_a_range_is_checked_and_no_more(log: Log, wanted: LogRange, segments: int) -> None:
    """By instance, numbers, and when they were stored."""
    verdict = log.verdict(wanted)

    assert (verdict.fault, verdict.segments) == (None, segments)


def test_what_a_range_lacks_is_missed(log: Log) -> None:
    """Who asks for segments up to the seventh is told that there are three."""
    fault = log.fault(LogRange(instance="spool-1", last_number=7))

    assert (fault.kind, fault.number) == (FaultKind.SEGMENT_MISSING, 4)


def test_an_unknown_instance_is_an_error(log: Log) -> None:
    """A mistyped name must not look proven."""
    with pytest.raises(NotFound) as unknown:
        log.verdict(LogRange(instance="spool-9"))

    assert unknown.value.reason == "INSTANCE_NOT_FOUND"


def test_receipts_show_that_a_tail_vanished(log: Log) -> None:
    """What is left of the log proves itself; only a receipt from elsewhere tells."""
    known = Receipt("spool-1", 9, sealed(3)[2].records[2].hash)

    assert log.verdict(receipts=[known]).receipts == 1
    assert log.fault(receipts=[known, dataclasses.replace(known, sequence=12)]).kind is FaultKind.RECEIPT_MISSING
    differs = log.fault(LogRange(instance="spool-2"), [dataclasses.replace(known, hash=b"x" * 32)])
    assert (differs.kind, differs.instance, differs.sequence) == (FaultKind.RECEIPT_DIFFERS, "spool-1", 9)


def test_one_check_runs_at_a_time(log: Log) -> None:
    """Each reads as much as the disk gives; one that was left frees the place."""
    log.keep(*(numbered(segment, segment.number + 3) for segment in sealed(15)[3:]))
    running = log.proving.verify(LogRange(), (), lambda: True)
    next(running)

    with pytest.raises(Exhausted) as busy:
        log.verdict()
    running.close()

    assert busy.value.reason == "LOG_CHECK_BUSY"
    assert log.verdict().segments
