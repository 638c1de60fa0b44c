"""Finding the records of one person in the ledger, and emptying their personal parts."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable
from google.protobuf.message import DecodeError

from counterfoil.types.v1 import prediction_pb2
from services.monitor.adapters.ledger_files import PARTITIONED_BY, data_file
from services.monitor.adapters.ledger_rows import LEDGER_SCHEMA
from services.monitor.adapters.locations import LEDGER
from services.monitor.adapters.log_store import LogStore
from services.monitor.adapters.rewriting import Rewriting, delete_replaced, replace_file
from services.monitor.adapters.spans import lying_within, within
from services.monitor.domain.chain import Continuity
from services.monitor.domain.erasure import Span, Subject, merged, spans_of
from services.monitor.domain.prediction import PredictionName

_LOOKED_AT = ["instance", "sequence", "model_version", "prediction_id", "personal_part", "ingest_time"]


@dataclass(frozen=True)
class FoundRecord:
    """A record of the person that was looked for."""

    instance: str
    sequence: int
    name: PredictionName


def find_records(
    store: LogStore, subject: Subject, until: dt.datetime, tell: Callable[[float], None]
) -> Iterator[FoundRecord]:
    """Yield the records of the subject that were stored before `until` and are not erased; all of the log is read.

    `tell` is told which share of the files was read. A record of many applicants is found by any of them.
    """
    table = store.open(LEDGER)
    if table is None:
        return
    dataset = table.to_pyarrow_dataset()
    files = list(dataset.get_fragments())
    for place, file in enumerate(files):
        for batch in file.to_batches(schema=dataset.schema, columns=_LOOKED_AT):
            # Most rows are of others: their bytes are searched for the identifier before any is parsed.
            near = pc.fill_null(pc.match_substring(batch["personal_part"], subject.text.encode()), False)
            stored = pc.less(batch["ingest_time"], pa.scalar(until))
            for row in batch.filter(pc.and_(near, stored)).to_pylist():
                if _is_about(row["personal_part"], subject):
                    name = PredictionName(row["model_version"], row["prediction_id"])
                    yield FoundRecord(row["instance"], row["sequence"], name)
        tell((place + 1) / len(files))


def find_stored(store: LogStore, until: dt.datetime, tell: Callable[[float], None]) -> list[Span]:
    """Return the records that were stored before `until` and are not erased; days from then on are not read.

    Memory holds the records of one file, and spans.
    """
    table = store.open(LEDGER)
    if table is None:
        return []
    dataset = table.to_pyarrow_dataset()
    files = list(dataset.get_fragments(pc.field("day") <= pa.scalar(until.date())))
    wanted = (pc.field("ingest_time") < pa.scalar(until)) & pc.field("personal_part").is_valid()
    spans: list[Span] = []
    for place, file in enumerate(files):
        rows = file.to_table(schema=dataset.schema, columns=["instance", "sequence"], filter=wanted)
        records = zip(rows["instance"].to_pylist(), rows["sequence"].to_pylist(), strict=True)
        spans = merged([*spans, *spans_of(records)])
        tell((place + 1) / len(files))
    return spans


def erase_records(store: LogStore, spans: list[Span], why: Rewriting) -> int:
    """Empty personal part and salt of the records, and return how many files were replaced; on return it is durable.

    Records that are erased already stay as they are. Files are replaced one by one: what a kill interrupts goes on.
    """
    table = store.open(LEDGER)
    if table is None:
        return 0
    before, replaced = table.version(), 0
    dataset = table.to_pyarrow_dataset()
    for file in dataset.get_fragments(within(spans)):
        replaced += _erase_in(store, table, dataset.schema, file, spans=spans, why=why)
    store.make_durable(LEDGER, before + 1, table.version())
    return replaced


def delete_replaced_records(store: LogStore) -> int:
    """Delete the files that the ledger does not name any more, and return how many there were."""
    table = store.open(LEDGER)
    return delete_replaced(table) if table is not None else 0


def _erase_in(
    store: LogStore,
    table: DeltaTable,
    schema: pa.Schema,
    file: ds.ParquetFileFragment,
    *,
    spans: list[Span],
    why: Rewriting,
) -> int:
    wanted = within(spans) & pc.field("personal_part").is_valid()
    if not file.to_table(schema=schema, columns=["sequence"], filter=wanted).num_rows:
        return 0
    rows = file.to_table(schema=schema).select(LEDGER_SCHEMA.names).cast(LEDGER_SCHEMA)
    new = data_file(_emptied(rows, spans), compression="zstd")
    store.put(LEDGER, new.path, new.content)
    continuity = Continuity(ds.get_partition_keys(file.partition_expression)["continuity"])
    added = new.added(continuity, time_ms=why.time_ms, data_change=False)
    replace_file(table, file, added, partition_by=PARTITIONED_BY, why=why)
    return 1


def _emptied(rows: pa.Table, spans: list[Span]) -> pa.Table:
    wanted = lying_within(rows, spans)
    for name in ("personal_part", "salt"):
        emptied = pc.if_else(wanted, pa.scalar(None, pa.binary()), rows[name])
        rows = rows.set_column(rows.schema.get_field_index(name), LEDGER_SCHEMA.field(name), emptied)
    return rows


def _is_about(part: bytes, subject: Subject) -> bool:
    try:
        personal = prediction_pb2.PersonalPart.FromString(part)
    except DecodeError:
        # It holds the identifier and cannot be read: whatever it is, it must not stay.
        return True
    if subject.applicant_id:
        return subject.applicant_id in (personal.applicant_id, *personal.chunk.applicant_ids)
    return personal.application_number == subject.application_number
