"""One segment out of the ledger, proven by itself: its records, its digest, and what is looked up beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from counterfoil.types.v1 import prediction_pb2
from services.monitor.adapters.ledger_rows import looked_up
from services.monitor.domain.proof import Broken, Fault, FaultKind, Link
from shared.prediction_record.chain import genesis_hash, personal_digest, record_hash, segment_digest


@dataclass(frozen=True)
class CheckedSegment:
    """A segment that is as it was sealed; `erased` are the records, by sequence, whose personal part is not proven."""

    link: Link
    records: int
    erased: tuple[int, ...]


def check_segment(rows: Sequence[dict[str, Any]]) -> CheckedSegment:
    """Return what ties a segment to its neighbours; `rows` are all its rows in the ledger, in order.

    Raises Broken at the first record that is wrong. The digest of a segment with erased records covers what is gone,
    so it is not compared.
    """
    first, last = rows[0], rows[-1]
    previous = first["previous_hash"]
    for place, row in enumerate(rows):
        if row["sequence"] != first["first_sequence"] + place:
            missing = first["first_sequence"] + place
            raise _broken(row, FaultKind.RECORDS_MISSING, f"record {row['sequence']} stands where {missing} belongs")
        _check_record(row, previous)
        previous = row["hash"]
    if last["sequence"] != first["last_sequence"]:
        raise _broken(last, FaultKind.RECORDS_MISSING, f"the segment's records after {last['sequence']} are missing")
    erased = tuple(row["sequence"] for row in rows if not row["personal_part"] and not row["salt"])
    if not erased:
        _check_digest(rows)
    if first["number"] == 1 and first["previous_hash"] != genesis_hash(first["instance"]):
        raise _broken(first, FaultKind.CHAIN_BROKEN, "segment 1 does not build on the instance's name")
    return CheckedSegment(_link(first, last), len(rows), erased)


def _check_record(row: dict[str, Any], previous: bytes) -> None:
    if row["hash"] != record_hash(previous, row["sequence"], row["decision_part"]):
        raise _broken(row, FaultKind.RECORD_CHANGED, "the record's hash does not follow from what it holds")
    try:
        decision = prediction_pb2.DecisionPart.FromString(row["decision_part"])
    except DecodeError as error:
        raise _broken(row, FaultKind.RECORD_CHANGED, "the decision part cannot be parsed") from error
    for name, value in looked_up(decision).items():
        if row[name] != value:
            raise _broken(row, FaultKind.COLUMN_CHANGED, f"the column {name} differs from the decision part")
    if not row["personal_part"] and not row["salt"]:
        return
    if decision.personal_digest != personal_digest(row["salt"] or b"", row["personal_part"] or b""):
        problem = "the personal part does not match the digest in the decision part"
        raise _broken(row, FaultKind.PERSONAL_PART_CHANGED, problem)


def _check_digest(rows: Sequence[dict[str, Any]]) -> None:
    first = rows[0]
    names = ("sequence", "decision_part", "personal_part", "salt", "hash")
    segment = prediction_pb2.Segment(
        instance=first["instance"],
        number=first["number"],
        previous_hash=first["previous_hash"],
        records=[prediction_pb2.PredictionRecord(**{name: row[name] for name in names}) for row in rows],
    )
    if {row["digest"] for row in rows} != {segment_digest(segment)}:
        problem = f"the digest of segment {first['number']} does not match its records"
        raise Broken(Fault(FaultKind.SEGMENT_CHANGED, problem, first["instance"], first["number"]))


def _link(first: dict[str, Any], last: dict[str, Any]) -> Link:
    return Link(
        first["instance"],
        first["number"],
        first["first_sequence"],
        last["sequence"],
        first["previous_hash"],
        last["hash"],
    )


def _broken(row: dict[str, Any], kind: FaultKind, problem: str) -> Broken:
    return Broken(Fault(kind, problem, row["instance"], row["number"], row["sequence"]))
