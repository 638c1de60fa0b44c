"""Emptying what the projections hold of erased records: identity and features; the decision stays."""

import json
import uuid
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.transaction import AddAction

from services.monitor.adapters.locations import PROJECTIONS
from services.monitor.adapters.log_store import LogStore
from services.monitor.adapters.projection_rows import KEPT_COLUMNS
from services.monitor.adapters.rewriting import Rewriting, delete_replaced, replace_file
from services.monitor.adapters.spans import lying_within, within
from services.monitor.domain.erasure import Span

_PARTITIONED_BY = ["day"]
_INDEXED = ("instance", "sequence")


def erase_projected(
    store: LogStore, tables: Iterable[tuple[str, str]], spans: list[Span], why: Rewriting
) -> tuple[int, int]:
    """Empty the rows of the records in the projections of these models and versions; return how many rows and files.

    On return it is durable, and what the replaced files held is deleted.
    """
    erased: list[int] = []
    for model, version in tables:
        name = f"{PROJECTIONS}/{model}/{version}"
        table = store.open(name)
        if table is not None:
            before = table.version()
            erased += _erase_in(store, name, table, spans, why)
            store.make_durable(name, before + 1, table.version())
            delete_replaced(table)
    return sum(erased), len(erased)


def _erase_in(store: LogStore, name: str, table: DeltaTable, spans: list[Span], why: Rewriting) -> list[int]:
    """Return the number of rows that were emptied in each file that was replaced."""
    erased = []
    dataset = table.to_pyarrow_dataset()
    for file in dataset.get_fragments(within(spans)):
        rows = file.to_table(schema=dataset.schema)
        wanted = _held(rows, spans)
        if count := pc.sum(wanted).as_py() or 0:
            day = str(ds.get_partition_keys(file.partition_expression)["day"])
            new = _write(store, name, day, _emptied(rows, wanted), why)
            replace_file(table, file, new, partition_by=_PARTITIONED_BY, why=why)
            erased.append(count)
    return erased


def _held(rows: pa.Table, spans: list[Span]) -> pa.Array:
    """Return which rows lie in the spans and still hold something of the person."""
    held = pa.array([False] * rows.num_rows)
    for name in rows.column_names:
        if name not in KEPT_COLUMNS:
            held = pc.or_(held, rows[name].combine_chunks().is_valid())
    return pc.and_(lying_within(rows, spans), held)


def _emptied(rows: pa.Table, wanted: pa.Array) -> pa.Table:
    for place, field in enumerate(rows.schema):
        if field.name not in KEPT_COLUMNS:
            emptied = pc.if_else(wanted, pa.scalar(None, field.type), rows[field.name].combine_chunks())
            rows = rows.set_column(place, field, emptied)
    return rows


def _write(store: LogStore, name: str, day: str, rows: pa.Table, why: Rewriting) -> AddAction:
    stream = pa.BufferOutputStream()
    pq.write_table(rows.drop_columns(_PARTITIONED_BY), stream, compression="snappy")
    content = stream.getvalue().to_pybytes()
    path = f"day={day}/part-{uuid.uuid4()}.parquet"
    store.put(name, path, content)
    spans = {column: pc.min_max(rows[column]).as_py() for column in _INDEXED}
    stats = {
        "numRecords": rows.num_rows,
        "minValues": {column: span["min"] for column, span in spans.items()},
        "maxValues": {column: span["max"] for column, span in spans.items()},
        "nullCount": dict.fromkeys(_INDEXED, 0),
    }
    return AddAction(path, len(content), {"day": day}, why.time_ms, False, json.dumps(stats))
