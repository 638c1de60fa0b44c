"""The ledger's data files: Parquet with a checksum a page, named by the SHA-256 of their content.

They are written here and not by Delta's library: by each sender's own thread, synced, before a short commit names them,
and so that an auditor can tell a changed byte from the name alone.
"""

import hashlib
import json
import re
import uuid
from dataclasses import dataclass
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from services.monitor.domain.chain import Continuity

PARTITIONED_BY = ("day", "continuity")
# What segments are looked up by; figures of other columns would make each commit slower than the one before.
INDEXED = ("instance", "number")
# Bytes that are never the same twice gain nothing from a dictionary.
_REPEATED = ("instance", "previous_hash", "digest", "model_version", "bundle_digest", "purpose")
_NAME = re.compile(r"(?:.*/)?([0-9a-f]{64})-[0-9a-f]{32}\.parquet")


@dataclass(frozen=True)
class DataFile:
    """A file with ledger rows of one day; `path` is relative to the table, `stats` is what Delta skips files by."""

    path: str
    content: bytes
    day: str
    stats: str

    def added(self, found: Continuity, *, time_ms: int, data_change: bool = True) -> AddAction:
        """Return what a commit says to have it in the table, its rows being of segments `found` so."""
        partition = {"day": self.day, "continuity": found.value}
        return AddAction(self.path, len(self.content), partition, time_ms, data_change, self.stats)


def data_file(rows: pa.Table, *, compression: str = "snappy") -> DataFile:
    """Return the file of ledger rows, all of one day; it tells nothing of their continuity, which the commit does."""
    day = str(rows["day"][0])
    stream = pa.BufferOutputStream()
    pq.write_table(
        rows.select([name for name in rows.column_names if name not in PARTITIONED_BY]),
        stream,
        compression=compression,
        use_dictionary=list(_REPEATED),
        write_statistics=list(INDEXED),
        write_page_checksum=True,
    )
    content = stream.getvalue().to_pybytes()
    # Two writers of equal rows must not share a file: the one that loses the race removes its own.
    name = f"{hashlib.sha256(content).hexdigest()}-{uuid.uuid4().hex}.parquet"
    return DataFile(f"day={day}/{name}", content, day, _stats(rows))


def named_digest(path: str) -> str | None:
    """Return the SHA-256, in hexadecimal, that a file's name promises of its content; None for a name without one."""
    match = _NAME.fullmatch(path)
    return match[1] if match else None


def bytes_added(commit: bytes) -> int:
    """Return the size of the files that a commit brought into the table, from its entry in Delta's log.

    Compaction brings none.
    """
    actions = (json.loads(line) for line in commit.splitlines() if line.strip())
    return sum(action["add"]["size"] for action in actions if "add" in action and action["add"]["dataChange"])


@dataclass(frozen=True)
class AddedFile:
    """A file that a commit brought into the table, and the segment whose rows it has."""

    path: str
    instance: str
    number: int


def files_added(commit: bytes) -> list[AddedFile]:
    """Return the files that a commit brought into the table, from its entry in Delta's log; compaction brings none."""
    added = []
    for line in commit.splitlines():
        action = json.loads(line).get("add") if line.strip() else None
        if action is not None and action["dataChange"]:
            least = json.loads(action["stats"])["minValues"]
            added.append(AddedFile(unquote(action["path"]), least["instance"], least["number"]))
    return added


def _stats(rows: pa.Table) -> str:
    spans = {name: pc.min_max(rows[name]).as_py() for name in INDEXED}
    return json.dumps(
        {
            "numRecords": rows.num_rows,
            "minValues": {name: span["min"] for name, span in spans.items()},
            "maxValues": {name: span["max"] for name, span in spans.items()},
            "nullCount": dict.fromkeys(INDEXED, 0),
        }
    )
