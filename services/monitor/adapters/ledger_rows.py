"""The ledger's columns, and the rows that a segment becomes."""

import datetime as dt
from collections.abc import Iterable, Sequence

import pyarrow as pa
from google.protobuf.timestamp_pb2 import Timestamp

from counterfoil.types.v1 import prediction_pb2
from services.monitor.domain.chain import SegmentFacts

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

_ROW_SCHEMA = LEDGER_SCHEMA.remove(LEDGER_SCHEMA.get_field_index("continuity"))


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


def ledger_rows(
    segment: prediction_pb2.Segment, decisions: Iterable[prediction_pb2.DecisionPart], ingest_time: dt.datetime
) -> pa.Table:
    """Return one row per record, (n_records, columns of LEDGER_SCHEMA), in the order of the segment.

    All but `continuity`, which the log finds when it stores them. `decisions` are the records' decision parts, parsed;
    each is let go of before the next is taken. Bytes are kept as they were sent; what is beside them is read out of
    the decision part for looking things up. A time outside what the log can hold becomes 1970-01-01.
    """
    found = [_looked_up(decision) for decision in decisions]
    facts, records = segment_facts(segment), segment.records
    same = {
        "instance": facts.instance,
        "number": facts.number,
        "first_sequence": facts.first_sequence,
        "last_sequence": facts.last_sequence,
        "previous_hash": facts.previous_hash,
        "digest": facts.digest,
        "ingest_time": ingest_time,
        "day": ingest_time.date(),
    }
    columns: dict[str, Sequence[object]] = {
        "sequence": [record.sequence for record in records],
        "decision_part": [record.decision_part for record in records],
        "personal_part": [record.personal_part for record in records],
        "salt": [record.salt for record in records],
        "hash": [record.hash for record in records],
        **dict(zip(LOOKED_UP, zip(*found, strict=True), strict=True)),
    }
    arrays = [
        pa.repeat(pa.scalar(same[field.name], field.type), len(records))
        if field.name in same
        else pa.array(columns[field.name], field.type)
        for field in _ROW_SCHEMA
    ]
    return pa.table(arrays, schema=_ROW_SCHEMA)


def purpose_name(purpose: int) -> str:
    """Return DECISION, TEST, WHAT_IF or SHADOW, or the bare number of a purpose that this version does not know."""
    return _PURPOSES.get(purpose, str(purpose))


def looked_up(decision: prediction_pb2.DecisionPart) -> dict[str, object]:
    """Return what the ledger's rows have in columns of their own, by name, as it is read out of the table."""
    found = dict(zip(LOOKED_UP, _looked_up(decision), strict=True))
    return {**found, "create_time": _EPOCH + dt.timedelta(microseconds=_microseconds(decision.create_time))}


def _looked_up(decision: prediction_pb2.DecisionPart) -> tuple[str, str, str, str, int]:
    """Return LOOKED_UP of a record; the time in microseconds since 1970, which Arrow takes as they are."""
    return (
        decision.prediction_id,
        decision.model_version,
        decision.bundle_digest,
        FAILURE if decision.HasField("failures") else purpose_name(decision.purpose),
        _microseconds(decision.create_time),
    )


def _microseconds(time: Timestamp) -> int:
    microseconds = time.seconds * 1_000_000 + time.nanos // 1_000
    return microseconds if 0 <= microseconds <= _LATEST_US else 0


FAILURE = "FAILURE"
"""What stands in place of the purpose of a record that is about calls that were not answered."""
LOOKED_UP = ("prediction_id", "model_version", "bundle_digest", "purpose", "create_time")
_PURPOSES: dict[int, str] = {number: name.removeprefix("PURPOSE_") for name, number in prediction_pb2.Purpose.items()}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LATEST_US = 253_402_300_799_999_999  # 9999-12-31, the last day that date libraries agree on
