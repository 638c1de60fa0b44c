"""Few large files in the place of many small ones, in the ledger and in the projections.

A segment a second is 86,400 files a day. What is put together is whole days that have ended, in commits that change no
data: the log's changes, transaction identifiers and proofs stay as they are, and readers go on with the files that they
listed, which are deleted only when they are old enough. No two processes may rearrange a table at once.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema
from deltalake.transaction import RemoveAction

from services.monitor.adapters.ledger_files import PARTITIONED_BY, data_file, named_digest
from services.monitor.adapters.ledger_rows import LEDGER_SCHEMA
from services.monitor.adapters.locations import LEDGER
from services.monitor.adapters.log_store import LogStore
from services.monitor.domain.chain import Continuity
from services.monitor.domain.proof import Broken, Fault, FaultKind

# Of the files of a day, at least so many are put together, up to so large a one.
LEAST_FILES = 8
LARGEST_BYTES = 32 << 20
# Readers that listed files before a compaction have so long to read them.
SAFE_AGE = dt.timedelta(days=7)


@dataclass(frozen=True)
class _SmallFile:
    path: str
    size: int
    day: dt.date
    continuity: str
    place: tuple[str, int]


def compact_ledger(store: LogStore, now: dt.datetime) -> int:
    """Put the ledger's small files of past days together and return how many were replaced; then it is durable.

    Each file is held against its name first, so that no change is written anew under a sound name: raises Broken
    (FILE_CHANGED) and leaves the files as they are.
    """
    table = store.open(LEDGER)
    if table is None:
        return 0
    before, replaced = table.version(), 0
    for files in _groups(table, now.date()):
        _put_together(store, table, files, now)
        replaced += len(files)
    store.make_durable(LEDGER, before + 1, table.version())
    return replaced


def compact_projection(store: LogStore, name: str, now: dt.datetime) -> int:
    """Put a projection's small files of past days together and return how many were replaced; then it is durable."""
    table = store.open(name)
    if table is None:
        return 0
    before, replaced = table.version(), 0
    days = pa.table(table.get_add_actions(flatten=True))["partition.day"].to_pylist()
    for day in sorted(set(days)):
        if day < now.date() and days.count(day) >= LEAST_FILES:
            replaced += table.optimize.compact([("day", "=", str(day))])["numFilesRemoved"]
    store.make_durable(name, before + 1, table.version())
    return replaced


def delete_superseded(store: LogStore, name: str, age: dt.timedelta = SAFE_AGE) -> int:
    """Delete the files of a table that others stand in the place of for so long, and return how many there were."""
    table = store.open(name)
    if table is None:
        return 0
    hours = int(age.total_seconds() // 3600)
    return len(table.vacuum(retention_hours=hours, dry_run=False, enforce_retention_duration=False))


def _groups(table: DeltaTable, today: dt.date) -> Iterator[Sequence[_SmallFile]]:
    """Yield files to put together: of one day and continuity, in the order of what they hold."""
    files = sorted(_small_files(table, today), key=lambda file: (file.day, file.continuity, file.place))
    for _, of_day in groupby(files, key=lambda file: (file.day, file.continuity)):
        group: list[_SmallFile] = []
        size = 0
        for file in of_day:
            if size + file.size > LARGEST_BYTES:
                yield from _worth_it(group)
                group, size = [], 0
            group.append(file)
            size += file.size
        yield from _worth_it(group)


def _worth_it(group: Sequence[_SmallFile]) -> Iterator[Sequence[_SmallFile]]:
    if len(group) >= LEAST_FILES:
        yield group


def _small_files(table: DeltaTable, today: dt.date) -> Iterator[_SmallFile]:
    for action in pa.table(table.get_add_actions(flatten=True)).to_pylist():
        if action["partition.day"] < today and action["size_bytes"] <= LARGEST_BYTES // 2:
            yield _SmallFile(
                action["path"],
                action["size_bytes"],
                action["partition.day"],
                action["partition.continuity"],
                (action["min.instance"], action["min.number"]),
            )


def _put_together(store: LogStore, table: DeltaTable, files: Sequence[_SmallFile], now: dt.datetime) -> None:
    rows = pa.concat_tables([_rows(store, file) for file in files])
    ordered = rows.sort_by([("instance", "ascending"), ("number", "ascending"), ("sequence", "ascending")])
    new = data_file(ordered, compression="zstd")
    store.put(LEDGER, new.path, new.content)
    time_ms = int(now.timestamp() * 1000)
    found = Continuity(files[0].continuity)
    partition: dict[str, str | None] = {"day": new.day, "continuity": found.value}
    removed = [RemoveAction(file.path, False, time_ms, file.size, partition) for file in files]
    table.create_write_transaction(
        [new.added(found, time_ms=time_ms, data_change=False), *removed],
        "append",
        Schema.from_arrow(LEDGER_SCHEMA),
        list(PARTITIONED_BY),
    )
    table.update_incremental()


def _rows(store: LogStore, file: _SmallFile) -> pa.Table:
    content = store.read(LEDGER, file.path)
    promised = named_digest(file.path)
    if promised is not None and hashlib.sha256(content).hexdigest() != promised:
        problem = "the file is not what its name promises, and is not put together with others"
        raise Broken(Fault(FaultKind.FILE_CHANGED, problem, *file.place, file=file.path))
    rows = pq.read_table(pa.BufferReader(content), page_checksum_verification=True)
    day = pa.repeat(pa.scalar(file.day, pa.date32()), rows.num_rows)
    return rows.append_column("day", day)
