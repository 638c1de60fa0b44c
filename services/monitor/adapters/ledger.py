"""The ledger: every segment exactly once, append-only, in a Delta table that any reader of Delta can open."""

import datetime as dt
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from counterfoil.types.v1 import prediction_pb2
from services.monitor.adapters.durability import make_folder, sync_commit
from services.monitor.adapters.ledger_rows import LEDGER_SCHEMA, ledger_rows, segment_facts, with_continuity
from services.monitor.domain.chain import (
    Alert,
    Continuity,
    Head,
    SegmentFacts,
    advance,
    alert_again,
    alert_for,
    continuity,
    is_stored,
)
from services.monitor.domain.status import Tally
from shared.errors import Unavailable

_CONFIGURATION = {
    "delta.appendOnly": "true",
    # Projections follow the ledger by its changes, commit by commit, and can start over from the first.
    "delta.enableChangeDataFeed": "true",
    "delta.enableExpiredLogCleanup": "false",
    # What segments are looked up by; figures of other columns would make each commit slower than the one before.
    "delta.dataSkippingStatsColumns": "instance,number",
}
_ATTEMPTS = 5
_REMEMBERED_DIGESTS = 4096

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Appended:
    """What became of a segment; `alert` is set if it does not continue its chain, also when it was stored before."""

    already_stored: bool
    alert: Alert | None = None


class Ledger:
    """A ledger in a local folder; one process appends, from any number of threads."""

    def __init__(self, folder: Path, clock: Callable[[], dt.datetime]) -> None:
        """Open the ledger, or make an empty one; raises Unavailable (LOG_UNAVAILABLE) if neither can be done."""
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        try:
            self._table = _open(folder)
            self._tallies = _count(self._table)
        except (DeltaError, OSError) as error:
            raise _unavailable() from error
        self._synced = self._table.version()
        self._heads: dict[str, Head | None] = {}
        self._digests: dict[tuple[str, int], bytes] = {}
        self._broken = False
        self._stale = False

    @property
    def version(self) -> int:
        """Return the number of the newest commit that is on disk; 0 is the empty ledger."""
        return self._synced

    def tally(self, model_version: str) -> Tally:
        """Return how many predictions of a model version the log holds; never waits for a write."""
        return self._tallies.get(model_version, Tally())

    def append(self, segment: prediction_pb2.Segment) -> Appended:
        """Store a verified segment, once: on return it is on disk, also if it had been before.

        Raises AlreadyExists (SEGMENT_CONFLICT) and stores nothing if its number is taken by other content, Unavailable
        (LOG_UNAVAILABLE) if it cannot be stored now.
        """
        facts = segment_facts(segment)
        rows = ledger_rows(segment, self._clock())
        with self._lock:
            self._refuse_if_broken()
            try:
                return self._append_or_look_again(facts, rows)
            except (DeltaError, OSError) as error:
                self._stale = True
                raise _unavailable() from error

    def changes(self, first: int, last: int, columns: list[str]) -> pa.RecordBatchReader:
        """Return the rows of commits `first` to `last` with their `_commit_version`, in no particular order."""
        # A handle of its own: the appending one must not move between its look and its write.
        table = DeltaTable(self._folder)
        reader = table.load_cdf(
            starting_version=first, ending_version=last, columns=[*columns, "_commit_version"], allow_out_of_range=True
        )
        return pa.RecordBatchReader.from_stream(reader)

    def _append_or_look_again(self, facts: SegmentFacts, rows: pa.Table) -> Appended:
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._append(facts, rows)
            except CommitFailedError:
                # Another writer stored a segment of this instance in between.
                self._stale = True
        return self._append(facts, rows)

    def _append(self, facts: SegmentFacts, rows: pa.Table) -> Appended:
        self._refresh()
        head = self._head(facts.instance)
        if is_stored(facts, self._stored_digest(facts, head)):
            self._sync()
            return Appended(already_stored=True, alert=alert_again(self._stored_continuity(facts), facts))
        found = continuity(head, facts)
        after = advance(head, facts)
        self._commit(with_continuity(rows, found), Transaction(facts.instance, after.number))
        self._remember(facts, after, rows)
        return Appended(already_stored=False, alert=alert_for(found, head, facts))

    def _commit(self, rows: pa.Table, transaction: Transaction) -> None:
        write_deltalake(
            self._table,
            rows,
            mode="append",
            commit_properties=CommitProperties(app_transactions=[transaction]),
            writer_properties=WriterProperties(compression="ZSTD", compression_level=1),
        )
        self._sync()

    def _sync(self) -> None:
        try:
            for version in range(self._synced + 1, self._table.version() + 1):
                sync_commit(self._folder, version)
                self._synced = version
        except OSError:
            # After a failed fsync the kernel may call lost pages clean: only a new start can tell what is there.
            self._broken = True
            raise

    def _head(self, instance: str) -> Head | None:
        if instance not in self._heads:
            number = self._table.transaction_version(instance)
            self._heads[instance] = None if number is None else self._read_head(instance, number)
        return self._heads[instance]

    def _read_head(self, instance: str, number: int) -> Head:
        rows = self._lookup(instance, number, ["last_sequence", "sequence", "hash"])
        last = rows.filter(pc.equal(rows["sequence"], rows["last_sequence"])).to_pylist()[0]
        return Head(number, last["last_sequence"], last["hash"])

    def _stored_digest(self, facts: SegmentFacts, head: Head | None) -> bytes | None:
        if head is None or facts.number > head.number:
            return None
        known = self._digests.get((facts.instance, facts.number))
        if known is not None:
            return known
        rows = self._lookup(facts.instance, facts.number, ["digest"])
        return rows["digest"][0].as_py() if rows.num_rows else None

    def _stored_continuity(self, facts: SegmentFacts) -> Continuity:
        return Continuity(self._lookup(facts.instance, facts.number, ["continuity"])["continuity"][0].as_py())

    def _lookup(self, instance: str, number: int, columns: list[str]) -> pa.Table:
        wanted = (pc.field("instance") == instance) & (pc.field("number") == number)
        return self._table.to_pyarrow_dataset().to_table(columns=columns, filter=wanted)

    def _remember(self, facts: SegmentFacts, after: Head, rows: pa.Table) -> None:
        self._heads[facts.instance] = after
        self._digests[facts.instance, facts.number] = facts.digest
        if len(self._digests) > _REMEMBERED_DIGESTS:
            del self._digests[next(iter(self._digests))]
        _add(self._tallies, rows)

    def _refresh(self) -> None:
        """Read the table anew after a write whose outcome is not known, or that another writer beat."""
        if self._stale:
            self._heads.clear()
            self._table.update_incremental()
            self._tallies = _count(self._table)
            self._stale = False

    def _refuse_if_broken(self) -> None:
        if self._broken:
            raise _unavailable()


def _open(folder: Path) -> DeltaTable:
    if not DeltaTable.is_deltatable(str(folder)):
        make_folder(folder)
        DeltaTable.create(folder, LEDGER_SCHEMA, partition_by=["day"], configuration=_CONFIGURATION)
    # A predecessor may have been killed between a commit and its sync: what stands here is made durable before any
    # of it is acknowledged as stored.
    os.sync()
    return DeltaTable(folder)


def _count(table: DeltaTable) -> dict[str, Tally]:
    """Return the tallies of the whole table, read batch by batch, so that memory does not grow with the log."""
    tallies: dict[str, Tally] = {}
    for batch in table.to_pyarrow_dataset().to_batches(columns=["model_version", "create_time"]):
        _add(tallies, pa.Table.from_batches([batch]))
    return tallies


def _add(tallies: dict[str, Tally], rows: pa.Table) -> None:
    for model_version, tally in _tallies(rows).items():
        tallies[model_version] = tallies.get(model_version, Tally()).plus(tally)


def _tallies(rows: pa.Table) -> dict[str, Tally]:
    grouped = rows.group_by("model_version").aggregate([("create_time", "count"), ("create_time", "max")])
    return {
        row["model_version"]: Tally(row["create_time_count"], row["create_time_max"]) for row in grouped.to_pylist()
    }


def _unavailable() -> Unavailable:
    return Unavailable(
        "the prediction log cannot be written; keep the segment and send it again, and look at the monitor's disk",
        reason="LOG_UNAVAILABLE",
    )
