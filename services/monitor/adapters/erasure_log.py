"""The record of what was erased, beside the ledger: an append-only table that says which records, when and why."""

from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from services.monitor.adapters.log_store import LogStore
from services.monitor.domain.erasure import ErasureEntry, Span

ERASURES = "erasures"
_SCHEMA = pa.schema(
    [
        pa.field("erasure_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("instance", pa.string(), nullable=False),
        pa.field("first_sequence", pa.int64(), nullable=False),
        pa.field("last_sequence", pa.int64(), nullable=False),
        pa.field("time", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("reference", pa.string(), nullable=False),
        pa.field("caller", pa.string(), nullable=False),
    ]
)


class ErasureLog:
    """The table `erasures` of a store; one process writes, others may read."""

    def __init__(self, store: LogStore) -> None:
        self._store = store

    def record(self, entry: ErasureEntry, spans: Iterable[Span]) -> None:
        """Add those records that the erasure has not recorded yet; on return it is durable."""
        known = set(self.of(entry.erasure_id))
        rows = [_row(entry, span) for span in spans if span not in known]
        if not rows:
            return
        table = self._store.open(ERASURES) or self._create()
        before = table.version()
        write_deltalake(
            table,
            pa.Table.from_pylist(rows, schema=_SCHEMA),
            mode="append",
            commit_properties=CommitProperties(app_transactions=[Transaction(entry.erasure_id, len(known) + 1)]),
        )
        self._store.make_durable(ERASURES, before + 1, table.version())

    def of(self, erasure_id: str) -> list[Span]:
        """Return the records of one erasure."""
        return [_span(row) for row in self._rows(pc.field("erasure_id") == erasure_id)]

    def covers(self) -> Callable[[str, int], bool]:
        """Return what tells of a record, by instance and sequence, whether its erasure is on record now."""
        spans: dict[str, list[Span]] = {}
        for row in self._rows(None):
            spans.setdefault(row["instance"], []).append(_span(row))
        return lambda instance, sequence: any(span.holds(instance, sequence) for span in spans.get(instance, ()))

    def _create(self) -> DeltaTable:
        return self._store.create(ERASURES, _SCHEMA, partition_by=[], configuration={"delta.appendOnly": "true"})

    def _rows(self, wanted: Any) -> list[dict[str, Any]]:
        table = self._store.open(ERASURES)
        if table is None:
            return []
        found: list[dict[str, Any]] = table.to_pyarrow_dataset().to_table(filter=wanted).to_pylist()
        return found


def _row(entry: ErasureEntry, span: Span) -> dict[str, Any]:
    return {
        **vars(entry),
        "instance": span.instance,
        "first_sequence": span.first,
        "last_sequence": span.last,
    }


def _span(row: dict[str, Any]) -> Span:
    return Span(row["instance"], row["first_sequence"], row["last_sequence"])
