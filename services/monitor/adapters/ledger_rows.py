"""The ledger's columns, and the rows that a segment becomes."""

import datetime as dt
from collections.abc import Iterator

import pyarrow as pa

from counterfoil.types.v1 import prediction_pb2
from services.monitor.domain.chain import Continuity, SegmentFacts

LEDGER_SCHEMA = pa.schema(
    [
        pa.field("instance", pa.string(), nullable=False),
        pa.field("number", pa.int64(), nullable=False),
        pa.field("first_sequence", pa.int64(), nullable=False),
        pa.field("last_sequence", pa.int64(), nullable=False),
        pa.field("previous_hash", pa.binary(), nullable=False),
        pa.field("digest", pa.binary(), nullable=False),
        pa.field("continuity", pa.string(), nullable=False),
        pa.field("sequence", pa.int64(), nullable=False),
        pa.field("decision_part", pa.binary(), nullable=False),
        # Nullable, because erasure empties them.
        pa.field("personal_part", pa.binary()),
        pa.field("salt", pa.binary()),
        pa.field("hash", pa.binary(), nullable=False),
        pa.field("prediction_id", pa.string(), nullable=False),
        pa.field("model_version", pa.string(), nullable=False),
        pa.field("bundle_digest", pa.string(), nullable=False),
        pa.field("purpose", pa.string(), nullable=False),
        pa.field("create_time", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("ingest_time", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("day", pa.date32(), nullable=False),
    ]
)


def segment_facts(segment: prediction_pb2.Segment) -> SegmentFacts:
    """Return what the log compares of a segment; it must have been verified."""
    first, last = segment.records[0], segment.records[-1]
    return SegmentFacts(
        instance=segment.instance,
        number=segment.number,
        digest=segment.digest,
        previous_hash=segment.previous_hash,
        first_sequence=first.sequence,
        last_sequence=last.sequence,
        last_hash=last.hash,
    )


def ledger_rows(segment: prediction_pb2.Segment, ingest_time: dt.datetime) -> pa.Table:
    """Return one row per record, (n_records, columns of LEDGER_SCHEMA), in the order of the segment, as CONTINUED.

    Bytes are kept as they were sent; what is beside them is read out of the decision part for looking things up. A
    time outside what the log can hold becomes 1970-01-01.
    """
    facts, records = segment_facts(segment), segment.records
    decisions = [prediction_pb2.DecisionPart.FromString(record.decision_part) for record in records]
    same = {
        "instance": facts.instance,
        "number": facts.number,
        "first_sequence": facts.first_sequence,
        "last_sequence": facts.last_sequence,
        "previous_hash": facts.previous_hash,
        "digest": facts.digest,
        "continuity": Continuity.CONTINUED.value,
        "ingest_time": ingest_time,
        "day": ingest_time.date(),
    }
    columns: dict[str, object] = {
        "sequence": [record.sequence for record in records],
        "decision_part": [record.decision_part for record in records],
        "personal_part": [record.personal_part for record in records],
        "salt": [record.salt for record in records],
        "hash": [record.hash for record in records],
        "prediction_id": [decision.prediction_id for decision in decisions],
        "model_version": [decision.model_version for decision in decisions],
        "bundle_digest": [decision.bundle_digest for decision in decisions],
        "purpose": [purpose_name(decision.purpose) for decision in decisions],
        "create_time": list(_times(decisions)),
    }
    arrays = [
        pa.repeat(pa.scalar(same[field.name], field.type), len(records))
        if field.name in same
        else pa.array(columns[field.name], field.type)
        for field in LEDGER_SCHEMA
    ]
    return pa.table(arrays, schema=LEDGER_SCHEMA)


def with_continuity(rows: pa.Table, found: Continuity) -> pa.Table:
    """Return the rows with what the log found about the segment's place in the chain."""
    column = pa.repeat(pa.scalar(found.value, pa.string()), rows.num_rows)
    return rows.set_column(LEDGER_SCHEMA.get_field_index("continuity"), LEDGER_SCHEMA.field("continuity"), column)


def purpose_name(purpose: int) -> str:
    """Return DECISION, TEST, WHAT_IF or SHADOW, or the bare number of a purpose that this version does not know."""
    if purpose not in prediction_pb2.Purpose.values():
        return str(purpose)
    return prediction_pb2.Purpose.Name(prediction_pb2.Purpose.ValueType(purpose)).removeprefix("PURPOSE_")


def _times(decisions: list[prediction_pb2.DecisionPart]) -> Iterator[int]:
    """Yield microseconds since 1970, which Arrow takes as they are."""
    for decision in decisions:
        microseconds = decision.create_time.ToMicroseconds()
        yield microseconds if 0 <= microseconds <= _LATEST_US else 0


_LATEST_US = 253_402_300_799_999_999  # 9999-12-31, the last day that date libraries agree on
