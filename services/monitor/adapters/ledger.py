"""The ledger: every segment exactly once, append-only, in a Delta table that any reader of Delta can open."""

import datetime as dt
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.exceptions import CommitFailedError, DeltaError

from counterfoil.types.v1 import prediction_pb2
from services.monitor.adapters.ledger_changes import read_changes
from services.monitor.adapters.ledger_files import INDEXED, PARTITIONED_BY, DataFile, bytes_added, data_file
from services.monitor.adapters.ledger_group import Appended, Arrival, Group, Stored
from services.monitor.adapters.ledger_rows import LEDGER_SCHEMA, ledger_rows, segment_facts
from services.monitor.adapters.locations import LEDGER
from services.monitor.adapters.log_store import Configuration, LogStore
from services.monitor.domain.chain import Continuity, Head, SegmentFacts
from services.monitor.domain.status import Tally
from shared.errors import CounterfoilError, Unavailable
from shared.prediction_record.chain import verified_decisions

_CONFIGURATION: Configuration = {
    "delta.appendOnly": "true",
    # Projections follow the ledger by its changes, commit by commit, and can start over from the first.
    "delta.enableChangeDataFeed": "true",
    "delta.enableExpiredLogCleanup": "false",
    "delta.dataSkippingStatsColumns": ",".join(INDEXED),
}
_ATTEMPTS = 5
_REMEMBERED_SEGMENTS = 4096
# What one commit adds at most, or one segment: a step of the projector has it in memory several times.
_GROUP_BYTES = 32 << 20

_logger = logging.getLogger(__name__)


class Ledger:
    """The ledger of a store; one process appends, from any number of threads."""

    def __init__(self, store: LogStore, clock: Callable[[], dt.datetime]) -> None:
        """Open the ledger, or make an empty one; raises Unavailable (LOG_UNAVAILABLE) if neither can be done."""
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        # Verifying lets go of the interpreter at each record: threads that did so at once would mostly wait for it.
        self._verifying = threading.Lock()
        try:
            self._table = _open(store)
            # What stands here is made durable before any of it is acknowledged as stored.
            store.make_all_durable()
            self._tallies = _count(self._table)
        except (DeltaError, OSError) as error:
            raise _unavailable() from error
        self._durable = self._table.version()
        self._heads: dict[str, Head | None] = {}
        self._remembered: dict[tuple[str, int], Stored] = {}
        self._waiting: deque[Arrival] = deque()
        self._appending: set[object] = set()
        self._broken = False
        self._stale = False

    @property
    def version(self) -> int:
        """Return the number of the newest commit that is durable; 0 is the empty ledger."""
        return self._durable

    @property
    def is_busy(self) -> bool:
        """Return whether a segment is being stored now."""
        return bool(self._appending)

    def tally(self, model_version: str) -> Tally:
        """Return how many predictions of a model version the log holds; never waits for a write."""
        return self._tallies.get(model_version, Tally())

    def model_versions(self) -> list[str]:
        """Return every model version that the log holds predictions of; never waits for a write."""
        return list(self._tallies)

    def append(self, segment: prediction_pb2.Segment) -> Appended:
        """Store a segment, once: on return it is durable, also if it had been stored before.

        Raises InvalidInput (SEGMENT_CORRUPT) if it does not verify, AlreadyExists (SEGMENT_CONFLICT) if its number is
        taken by other content, Unavailable (LOG_UNAVAILABLE) if it cannot be stored now; then nothing of it is stored.
        """
        with self._under_way():
            with self._verifying:
                rows = ledger_rows(segment, verified_decisions(segment), self._clock())
            arrival = Arrival(segment_facts(segment), rows, data_file(rows))
            self._put(arrival.file)
            self._waiting.append(arrival)
            with self._lock:
                # Whoever comes first commits what has come together meanwhile; the others find it done.
                while arrival.outcome is None:
                    self._settle(self._take())
            return arrival.result()

    def snapshot(self) -> DeltaTable:
        """Return the table as it is now, on a handle of its own: ours must not move between its look and its write."""
        return _open(self._store)

    def changes(self, first: int, last: int, columns: list[str]) -> pa.Table:
        """Return the rows that commits `first` to `last` stored, with their `_commit_version`, in no particular order.

        They are as they are now: of what was compacted or erased since, the rows that stand in the old ones' place.
        """
        return read_changes(self._store, first, last, columns)

    def spans(self, first: int, last: int, *, size: int) -> Iterator[tuple[int, int]]:
        """Yield the commits `first` to `last` in spans of one, or of several whose files have at most `size` bytes."""
        start, total = first, 0
        for version in range(first, last + 1):
            added = bytes_added(self._store.read(LEDGER, f"_delta_log/{version:020d}.json"))
            if version > start and total + added > size:
                yield start, version - 1
                start, total = version, 0
            total += added
        if start <= last:
            yield start, last

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        self._appending.add(token := object())
        try:
            yield
        finally:
            self._appending.discard(token)

    def _put(self, file: DataFile) -> None:
        try:
            self._store.put(LEDGER, file.path, file.content)
        except OSError as error:
            raise _unavailable() from error

    def _take(self) -> list[Arrival]:
        """Return the segments that have waited longest, as many as one commit is to add."""
        taken, size = [self._waiting.popleft()], 0
        while self._waiting and (size := size + len(taken[-1].file.content)) < _GROUP_BYTES:
            taken.append(self._waiting.popleft())
        return taken

    def _settle(self, arrivals: list[Arrival]) -> None:
        """Add what is new in one commit and set the outcome of each, once all of it is durable."""
        outcomes: Sequence[Appended | CounterfoilError]
        try:
            self._refuse_if_broken()
            outcomes = self._append_or_look_again(arrivals)
            self._discard(arrivals, outcomes)
        except (DeltaError, OSError, Unavailable):
            _logger.exception("segments could not be stored")
            self._stale = True
            outcomes = [_unavailable() for _ in arrivals]
        for arrival, outcome in zip(arrivals, outcomes, strict=True):
            arrival.outcome = outcome

    def _append_or_look_again(self, arrivals: list[Arrival]) -> list[Appended | CounterfoilError]:
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._append(arrivals)
            except (CommitFailedError, FileNotFoundError):
                # Another writer stored a segment of one of these instances in between, or replaced files.
                self._stale = True
        return self._append(arrivals)

    def _append(self, arrivals: list[Arrival]) -> list[Appended | CounterfoilError]:
        self._refresh()
        group = Group(self._head, self._stored)
        outcomes = group.judge(arrivals)
        if group.added:
            self._commit(group)
        self._make_durable()
        self._remember(group)
        return outcomes

    def _commit(self, group: Group) -> None:
        time_ms = int(self._clock().timestamp() * 1000)
        self._table.create_write_transaction(
            [arrival.file.added(found, time_ms=time_ms) for arrival, found in group.added],
            "append",
            Schema.from_arrow(LEDGER_SCHEMA),
            list(PARTITIONED_BY),
            commit_properties=CommitProperties(app_transactions=group.transactions),
        )
        self._table.update_incremental()

    def _discard(self, arrivals: list[Arrival], outcomes: Sequence[Appended | CounterfoilError]) -> None:
        """Remove the files that no commit names: of segments that were stored before, or refused."""
        for arrival, outcome in zip(arrivals, outcomes, strict=True):
            if not isinstance(outcome, Appended) or outcome.already_stored:
                self._store.delete(LEDGER, arrival.file.path)

    def _make_durable(self) -> None:
        newest = self._table.version()
        try:
            self._store.make_durable(LEDGER, self._durable + 1, newest)
        except OSError:
            # After a failed fsync the kernel may call lost pages clean: only a new start can tell what is there.
            self._broken = True
            raise
        self._durable = newest

    def _head(self, instance: str) -> Head | None:
        if instance not in self._heads:
            number = self._table.transaction_version(instance)
            self._heads[instance] = None if number is None else self._read_head(instance, number)
        return self._heads[instance]

    def _read_head(self, instance: str, number: int) -> Head:
        rows = self._lookup(instance, number, ["last_sequence", "sequence", "hash"])
        last = rows.filter(pc.equal(rows["sequence"], rows["last_sequence"])).to_pylist()[0]
        return Head(number, last["last_sequence"], last["hash"])

    def _stored(self, facts: SegmentFacts, head: Head | None) -> Stored | None:
        if head is None or facts.number > head.number:
            return None
        known = self._remembered.get((facts.instance, facts.number))
        if known is not None:
            return known
        rows = self._lookup(facts.instance, facts.number, ["digest", "continuity"]).slice(0, 1).to_pylist()
        return Stored(rows[0]["digest"], Continuity(rows[0]["continuity"])) if rows else None

    def _lookup(self, instance: str, number: int, columns: list[str]) -> pa.Table:
        wanted = (pc.field("instance") == instance) & (pc.field("number") == number)
        return self._table.to_pyarrow_dataset().to_table(columns=columns, filter=wanted)

    def _remember(self, group: Group) -> None:
        self._heads.update(group.heads)
        self._remembered.update(group.stored)
        while len(self._remembered) > _REMEMBERED_SEGMENTS:
            del self._remembered[next(iter(self._remembered))]
        for arrival, _ in group.added:
            _add(self._tallies, arrival.rows)

    def _refresh(self) -> None:
        """Read the table anew after a write whose outcome is not known, or that another writer beat."""
        if self._stale:
            self._heads.clear()
            self._remembered.clear()
            self._table.update_incremental()
            self._tallies = _count(self._table)
            self._stale = False

    def _refuse_if_broken(self) -> None:
        if self._broken:
            raise _unavailable()


def _open(store: LogStore) -> DeltaTable:
    table = store.open(LEDGER)
    if table is None:
        return store.create(LEDGER, LEDGER_SCHEMA, partition_by=PARTITIONED_BY, configuration=_CONFIGURATION)
    return table


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
        row["model_version"]: Tally(row["create_time_count"], row["create_time_max"])
        for row in grouped.to_pylist()
        if row["model_version"]  # none is named by records of failures
    }


def _unavailable() -> Unavailable:
    return Unavailable(
        "the prediction log cannot be written; keep the segment and send it again, and look at the monitor's disk",
        reason="LOG_UNAVAILABLE",
    )
