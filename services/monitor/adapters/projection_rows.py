"""The columns of a model version's projection, and the rows that ledger rows become in it."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from google.protobuf.message import DecodeError

from counterfoil.types.v1 import prediction_pb2
from services.monitor.domain.model import ModelFacts

COMMIT_COLUMN = "_commit_version"
LEDGER_COLUMNS = [
    "instance",
    "sequence",
    "decision_part",
    "personal_part",
    "prediction_id",
    "model_version",
    "bundle_digest",
    "purpose",
    "create_time",
]
SET_APART_SCHEMA = pa.schema(
    [
        ("instance", pa.string()),
        ("sequence", pa.int64()),
        ("prediction_id", pa.string()),
        ("model_version", pa.string()),
        ("bundle_digest", pa.string()),
        ("reason", pa.string()),
        (COMMIT_COLUMN, pa.int64()),
    ]
)
_FIXED_FIELDS = [
    ("prediction_id", pa.string()),
    ("applicant_id", pa.string()),
    ("application_number", pa.string()),
    ("create_time", pa.timestamp("us", tz="UTC")),
    ("day", pa.date32()),
    ("purpose", pa.string()),
    ("probability", pa.float64()),
    ("margin", pa.float64()),
    ("decision", pa.string()),
    ("as_of_date", pa.string()),
    ("instance", pa.string()),
    ("sequence", pa.int64()),
]

KEPT_COLUMNS = frozenset(name for name, _ in _FIXED_FIELDS) - {"applicant_id", "application_number"}
"""What stays of a prediction that is erased: what is left tells of the decision and not of the person."""

# Field 3, its values one after another as 8 bytes each.
_VALUES_TAG = b"\x1a"

_Identity: TypeAlias = tuple[str | None, str | None]


def projection_schema(features: tuple[str, ...]) -> pa.Schema:
    """Return the columns of a projection: what every prediction has, then one float64 column per feature."""
    return pa.schema([*_FIXED_FIELDS, *((name, pa.float64()) for name in features)])


def project_rows(rows: pa.Table, model: ModelFacts) -> tuple[pa.Table, pa.Table]:
    """Return the projection's rows and those set apart, both with the commit that each came from.

    `rows` are ledger rows of this model version. A missing value is null; an erased row keeps its decision, its
    features, applicant and application are null. Set apart are rows of another bundle (BUNDLE_MISMATCH) and rows whose
    values do not fit the bundle's schema, in number or by an infinity (VALUES_INVALID).
    """
    n_features = len(model.schema.names)
    values = np.full((rows.num_rows, n_features), np.nan)
    identities: list[_Identity] = []
    reasons: list[str | None] = []
    bundles = rows["bundle_digest"].to_pylist()
    for position, part in enumerate(rows["personal_part"].to_pylist()):
        personal = _personal(part)
        identities.append(_identity(personal))
        fits = _fill(values[position], part, personal)
        mismatch = "BUNDLE_MISMATCH" if bundles[position] != model.bundle_digest else None
        reasons.append(mismatch or (None if fits else "VALUES_INVALID"))
    accepted = pa.array([reason is None for reason in reasons], pa.bool_())
    projected = _projected(rows, identities, values, model.schema.names).filter(accepted)
    return projected, set_apart(rows, reasons)


def set_apart(rows: pa.Table, reasons: list[str | None]) -> pa.Table:
    """Return the ledger rows that have a reason (one entry a row, None for a row that fits) as rows set apart."""
    reason = pa.array(reasons, pa.string())
    named = rows.append_column("reason", reason).select(SET_APART_SCHEMA.names).cast(SET_APART_SCHEMA)
    return named.filter(reason.is_valid())


def _personal(part: bytes | None) -> prediction_pb2.PersonalPart | None:
    """Return the personal part, None after erasure; what cannot be parsed has no values and so does not fit."""
    if not part:
        return None
    try:
        return prediction_pb2.PersonalPart.FromString(part)
    except DecodeError:
        return prediction_pb2.PersonalPart()


def _identity(personal: prediction_pb2.PersonalPart | None) -> _Identity:
    """Return applicant and application, None for what was not given or is erased."""
    if personal is None:
        return None, None
    return personal.applicant_id or None, personal.application_number or None


def _fill(row: np.ndarray, part: bytes | None, personal: prediction_pb2.PersonalPart | None) -> bool:
    if not part or personal is None:
        return True
    if len(personal.values) != len(row):
        return False
    row[:] = _values(part, personal)
    return not bool(np.isinf(row).any())


def _values(part: bytes, personal: prediction_pb2.PersonalPart) -> Sequence[float] | np.ndarray:
    """Return the values of a personal part, straight from its bytes where they lie as scorers write them.

    As Python's numbers they take fifteen times as long, longer than all else that a row needs.
    """
    before = prediction_pb2.PersonalPart(
        applicant_id=personal.applicant_id, application_number=personal.application_number
    )
    head = before.SerializeToString(deterministic=True) + _VALUES_TAG + _varint(8 * len(personal.values))
    if part.startswith(head):
        return np.frombuffer(part, "<f8", len(personal.values), len(head))
    return personal.values


def _varint(number: int) -> bytes:
    """Return a number as Protobuf writes lengths: seven bits a byte, the lowest first."""
    written = bytearray()
    while number >= 1 << 7:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def _projected(rows: pa.Table, identities: list[_Identity], values: np.ndarray, features: tuple[str, ...]) -> pa.Table:
    decisions = [prediction_pb2.DecisionPart.FromString(part) for part in rows["decision_part"].to_pylist()]
    columns = {
        "applicant_id": pa.array([applicant for applicant, _ in identities], pa.string()),
        "application_number": pa.array([application for _, application in identities], pa.string()),
        "day": rows["create_time"].cast(pa.date32()),
        "probability": pa.array([decision.probability for decision in decisions], pa.float64()),
        "margin": pa.array([decision.margin for decision in decisions], pa.float64()),
        "decision": pa.array([decision_name(decision.decision) for decision in decisions], pa.string()),
        "as_of_date": pa.array([decision.as_of_date or None for decision in decisions], pa.string()),
    }
    fixed = [columns[name] if name in columns else rows[name] for name, _ in _FIXED_FIELDS]
    measured = [pa.array(values[:, position], from_pandas=True) for position in range(len(features))]
    schema = projection_schema(features).append(pa.field(COMMIT_COLUMN, pa.int64()))
    return pa.table([*fixed, *measured, rows[COMMIT_COLUMN]], schema=schema)


def decision_name(decision: int) -> str:
    """Return APPROVE, REFUSE or REFER, or the bare number of a decision that this version does not know."""
    if decision not in prediction_pb2.Decision.values():
        return str(decision)
    return prediction_pb2.Decision.Name(prediction_pb2.Decision.ValueType(decision)).removeprefix("DECISION_")
