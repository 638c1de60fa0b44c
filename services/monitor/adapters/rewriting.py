"""Rewriting a file of a Delta table: other bytes for the same rows, and the old file gone from the disk.

Delta allows an append-only table to be rearranged: a commit whose files change no data. An erasure is the one
rearrangement after which rows lack something, and the log's record of erasures says which.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow.dataset as ds
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.transaction import AddAction, RemoveAction

# Unnamed files that are younger may belong to a write that is under way.
_ORPHAN_HOURS = 1


@dataclass(frozen=True)
class Rewriting:
    """For which erasure, and when, files are rewritten."""

    erasure_id: str
    time: dt.datetime

    @property
    def time_ms(self) -> int:
        """Return the time as Delta writes it, in milliseconds since 1970."""
        return int(self.time.timestamp() * 1000)


def replace_file(
    table: DeltaTable, old: ds.ParquetFileFragment, new: AddAction, *, partition_by: Sequence[str], why: Rewriting
) -> None:
    """Commit that one file stands in the place of another, whose rows it has; other writers may append meanwhile.

    No two processes may rewrite a table at once: Delta would let both replace the same file.
    """
    removed = RemoveAction(old.path, False, new.modification_time, partition_values=dict(new.partition_values))
    table.create_write_transaction(
        [new, removed],
        "append",
        Schema.from_arrow(table.schema()),
        list(partition_by),
        commit_properties=CommitProperties(custom_metadata={"erasure": why.erasure_id}),
    )
    table.update_incremental()


def delete_replaced(table: DeltaTable) -> int:
    """Delete every file that the table does not name any more and return how many there were.

    Among them are files of writes that were killed before their commit, once they are an hour old.
    """
    replaced = table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    orphans = table.vacuum(retention_hours=_ORPHAN_HOURS, dry_run=False, enforce_retention_duration=False, full=True)
    return len({*replaced, *orphans})
