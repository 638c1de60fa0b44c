"""Proving the log: every record of a range, and that none is missing between them."""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import pyarrow.compute as pc
from deltalake import DeltaTable

from services.monitor.adapters.erasure_log import ErasureLog
from services.monitor.adapters.ledger import Ledger
from services.monitor.adapters.ledger_proof import LedgerFile, LogRange, files_of, missing_receipts, segments_of
from services.monitor.adapters.locations import LEDGER
from services.monitor.adapters.log_store import LogStore
from services.monitor.adapters.segment_proof import CheckedSegment
from services.monitor.domain.proof import Broken, Chains, Fault, FaultKind, Link, Receipt
from shared.errors import Exhausted, NotFound

# A progress is told whenever so many files were read.
_FILES_BETWEEN_NEWS = 16


@dataclass(frozen=True)
class Progress:
    """How far a check is."""

    files: int
    total_files: int
    records: int


@dataclass(frozen=True)
class Verdict:
    """What was checked, and the first thing that is wrong; None if all is as it was sealed."""

    fault: Fault | None = None
    instances: int = 0
    segments: int = 0
    records: int = 0
    erased: int = 0
    files: int = 0
    receipts: int = 0


@dataclass
class _Walk:
    """A check under way. Memory holds one day's links between segments, and one file."""

    store: LogStore
    wanted: LogRange
    chains: Chains
    accounted: Callable[[str, int], bool]
    verdict: Verdict = field(default_factory=Verdict)

    def day(self, files: Sequence[LedgerFile], total_files: int) -> Iterator[Progress]:
        """Check the files of one day, then that their segments follow each other; raises Broken."""
        links: list[Link] = []
        for file in files:
            for segment in segments_of(self.store, LEDGER, file, self.wanted):
                links.append(segment.link)
                self._account(segment, file)
                self.verdict = replace(
                    self.verdict,
                    segments=self.verdict.segments + 1,
                    records=self.verdict.records + segment.records,
                    erased=self.verdict.erased + len(segment.erased),
                )
            self.verdict = replace(self.verdict, files=self.verdict.files + 1)
            if self.verdict.files % _FILES_BETWEEN_NEWS == 0:
                yield Progress(self.verdict.files, total_files, self.verdict.records)
        for link in sorted(links, key=lambda each: (each.instance, each.number)):
            self.chains.follow(link)
        self.verdict = replace(self.verdict, instances=self.chains.instances)

    def _account(self, segment: CheckedSegment, file: LedgerFile) -> None:
        """Raise Broken for a record that is erased, and no erasure on record says so."""
        for sequence in segment.erased:
            if not self.accounted(segment.link.instance, sequence):
                problem = f"the personal part of record {sequence} is gone, and no erasure accounts for it"
                kind, link = FaultKind.ERASURE_UNRECORDED, segment.link
                raise Broken(Fault(kind, problem, link.instance, link.number, sequence, file.path))


class Proving:
    """Checks the log, one check at a time: each reads as much as the disk gives."""

    def __init__(self, store: LogStore, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger
        self._busy = threading.Lock()

    def verify(
        self, wanted: LogRange, receipts: Sequence[Receipt], is_wanted: Callable[[], bool]
    ) -> Generator[Progress | Verdict, None, None]:
        """Yield how far the check is, and the verdict last; it ends without one once `is_wanted` is false.

        What is checked is the log as of the newest commit that was durable at the start. Raises Exhausted
        (LOG_CHECK_BUSY) while another check runs, NotFound (INSTANCE_NOT_FOUND) if nothing is there to check of an
        instance that is named.
        """
        if not self._busy.acquire(blocking=False):
            raise Exhausted("another check of the log runs; try again when it has ended", reason="LOG_CHECK_BUSY")
        try:
            yield from self._verify_anew(wanted, list(receipts), is_wanted)
        finally:
            self._busy.release()

    def _verify_anew(
        self, wanted: LogRange, receipts: list[Receipt], is_wanted: Callable[[], bool]
    ) -> Iterator[Progress | Verdict]:
        """Check the log, from the start again where an erasure replaced a file before it was read."""
        while True:
            for news in self._verify(self._ledger.snapshot(), wanted, receipts, is_wanted):
                if isinstance(news, Verdict) and self._was_replaced(news.fault):
                    break
                yield news
            else:
                return

    def _was_replaced(self, fault: Fault | None) -> bool:
        """Return whether a file that could not be read is none of the log any more."""
        if fault is None or fault.kind is not FaultKind.FILE_UNREADABLE:
            return False
        return all(file.path != fault.file for file in files_of(self._ledger.snapshot(), LogRange()))

    def _verify(
        self, table: DeltaTable, wanted: LogRange, receipts: list[Receipt], is_wanted: Callable[[], bool]
    ) -> Iterator[Progress | Verdict]:
        files = files_of(table, wanted)
        walk = _Walk(self._store, wanted, Chains(*wanted.ends), ErasureLog(self._store).covers())
        try:
            for _, of_day in groupby(files, key=lambda file: file.day):
                for progress in walk.day(list(of_day), len(files)):
                    if not is_wanted():
                        return
                    yield progress
            fault = next(walk.chains.missing(lambda *segment: _is_stored(table, *segment)), None)
        except Broken as broken:
            fault = broken.fault
        if wanted.instance and not walk.verdict.segments and fault is None:
            raise NotFound(f"the log has no segment of {wanted.instance} in this range", reason="INSTANCE_NOT_FOUND")
        if fault is None:
            faults = list(missing_receipts(table, receipts)) if receipts else []
            walk.verdict = replace(walk.verdict, receipts=len(receipts) - len(faults))
            fault = next(iter(faults), None)
        yield replace(walk.verdict, fault=fault)


def _is_stored(table: DeltaTable, instance: str, number: int) -> bool:
    wanted = (pc.field("instance") == instance) & (pc.field("number") == number)
    return bool(table.to_pyarrow_dataset().to_table(columns=["number"], filter=wanted).num_rows)
