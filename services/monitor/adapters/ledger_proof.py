"""Reading the ledger's files to prove them: every segment by itself, and whether a file is what was written."""

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from services.monitor.adapters.ledger_files import named_digest
from services.monitor.adapters.ledger_rows import LEDGER_SCHEMA
from services.monitor.adapters.log_store import LogStore
from services.monitor.adapters.segment_proof import CheckedSegment, check_segment
from services.monitor.domain.proof import Broken, Fault, FaultKind, Receipt

_BATCH_ROWS = 256
_COLUMNS = [name for name in LEDGER_SCHEMA.names if name not in {"day", "continuity"}]


@dataclass(frozen=True)
class LogRange:
    """The segments to look at: of one instance or all, by number (inclusive) or by when they were stored."""

    instance: str = ""
    first_number: int | None = None
    last_number: int | None = None
    start_time: dt.datetime | None = None
    end_time: dt.datetime | None = None

    @property
    def ends(self) -> tuple[int | None, int | None]:
        """Return the numbers that each instance must begin with and reach; None where it may do so anywhere."""
        first = None if self.start_time is not None else self.first_number or 1
        return first, None if self.end_time is not None else self.last_number

    def holds(self, instance: str, number: int, ingest_time: dt.datetime) -> bool:
        """Return whether a segment is in the range."""
        return (
            (not self.instance or instance == self.instance)
            and (self.first_number is None or number >= self.first_number)
            and (self.last_number is None or number <= self.last_number)
            and (self.start_time is None or ingest_time >= self.start_time)
            and (self.end_time is None or ingest_time < self.end_time)
        )


@dataclass(frozen=True)
class LedgerFile:
    """A data file as the table's log describes it: its path there, its day, and the least and largest it holds."""

    path: str
    day: dt.date
    instances: tuple[str, str]
    numbers: tuple[int, int]

    def named_in(self, fault: Fault) -> Fault:
        """Return a fault of one of the file's rows with the file's name; a place that it never held is not believed."""
        if (
            self.instances[0] <= fault.instance <= self.instances[1]
            and self.numbers[0] <= fault.number <= self.numbers[1]
        ):
            return replace(fault, file=self.path)
        return replace(fault, file=self.path, instance=self.instances[0], number=self.numbers[0])

    def fault(self, kind: FaultKind, problem: str) -> Fault:
        """Return what is wrong with the file; its name, and the segments that it should hold, are in it."""
        held = f"segments {self.numbers[0]} to {self.numbers[1]} of {' to '.join(dict.fromkeys(self.instances))}"
        return Fault(kind, f"{problem}; it holds {held}", self.instances[0], self.numbers[0], file=self.path)


def files_of(table: DeltaTable, wanted: LogRange) -> list[LedgerFile]:
    """Return the files that may hold segments of the range: day by day, then by instance and number."""
    actions = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    files = [
        LedgerFile(
            action["path"],
            action["partition.day"],
            (action["min.instance"], action["max.instance"]),
            (action["min.number"], action["max.number"]),
        )
        for action in actions
    ]
    return sorted(
        (file for file in files if _may_hold(file, wanted)),
        key=lambda file: (file.day, file.instances, file.numbers, file.path),
    )


def segments_of(store: LogStore, table: str, file: LedgerFile, wanted: LogRange) -> Iterator[CheckedSegment]:
    """Yield the file's segments in the range, each proven by itself.

    Raises Broken that names the file, and the record where one is wrong. A file whose content is not what its name
    promises is told even if all of its records are right.
    """
    try:
        content = store.read(table, file.path)
    except OSError as error:
        problem = f"the file cannot be read: {error.strerror or type(error).__name__}"
        raise Broken(file.fault(FaultKind.FILE_UNREADABLE, problem)) from error
    promised = named_digest(file.path)
    changed = promised is not None and hashlib.sha256(content).hexdigest() != promised
    try:
        # Of a file that was changed, the record is looked for that tells where: a checksum would stop short of it.
        yield from _segments(content, wanted, checksums=not changed)
    except Broken as broken:
        raise Broken(file.named_in(broken.fault)) from broken
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        kind = FaultKind.FILE_CHANGED if changed else FaultKind.FILE_UNREADABLE
        raise Broken(file.fault(kind, "the file's content is damaged")) from error
    if changed:
        raise Broken(file.fault(FaultKind.FILE_CHANGED, "the file is not what its name promises"))


def missing_receipts(table: DeltaTable, receipts: list[Receipt]) -> Iterator[Fault]:
    """Yield what is wrong with receipts, in their order; only three columns of the log are read, batch by batch."""
    wanted = {(receipt.instance, receipt.sequence) for receipt in receipts}
    found: dict[tuple[str, int], bytes] = {}
    instances = pa.array(sorted({instance for instance, _ in wanted}), pa.string())
    of_instances = pa.compute.field("instance").isin(instances)
    columns = ["instance", "sequence", "hash"]
    for batch in table.to_pyarrow_dataset().to_batches(columns=columns, filter=of_instances):
        rows = zip(*(batch[name].to_pylist() for name in columns), strict=True)
        found.update({(row[0], row[1]): row[2] for row in rows if (row[0], row[1]) in wanted})
    for receipt in receipts:
        hash_ = found.get((receipt.instance, receipt.sequence))
        place = f"record {receipt.sequence}"
        if hash_ is None:
            problem = f"{place} is not in the log, though there is a receipt for it"
            yield Fault(FaultKind.RECEIPT_MISSING, problem, receipt.instance, sequence=receipt.sequence)
        elif hash_ != receipt.hash:
            problem = f"{place} has another hash than its receipt"
            yield Fault(FaultKind.RECEIPT_DIFFERS, problem, receipt.instance, sequence=receipt.sequence)


def _may_hold(file: LedgerFile, wanted: LogRange) -> bool:
    return (
        (not wanted.instance or file.instances[0] <= wanted.instance <= file.instances[1])
        and (wanted.first_number is None or file.numbers[1] >= wanted.first_number)
        and (wanted.last_number is None or file.numbers[0] <= wanted.last_number)
        and (wanted.start_time is None or file.day >= wanted.start_time.date())
        and (wanted.end_time is None or file.day <= wanted.end_time.date())
    )


def _segments(content: bytes, wanted: LogRange, *, checksums: bool) -> Iterator[CheckedSegment]:
    with pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=checksums) as file:
        if missing := set(_COLUMNS) - set(file.schema_arrow.names):
            raise ValueError(f"the file has no columns {sorted(missing)}")
        rows = (row for batch in file.iter_batches(_BATCH_ROWS, columns=_COLUMNS) for row in batch.to_pylist())
        for (instance, number), records in groupby(rows, key=lambda row: (row["instance"], row["number"])):
            segment: list[dict[str, Any]] = list(records)
            if wanted.holds(instance, number, segment[0]["ingest_time"]):
                yield check_segment(segment)
