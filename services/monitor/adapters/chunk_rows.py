"""Chunks of rows in the projections: a record of many answers becomes as many rows as it has."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from counterfoil.types.v1 import prediction_pb2
from services.monitor.adapters.projection_rows import (
    COMMIT_COLUMN,
    SET_APART_SCHEMA,
    decision_name,
    project_rows,
    projection_schema,
    set_apart,
)
from services.monitor.domain.model import ModelFacts
from shared.prediction_record.chunks import ChunkAnswers, chunk_answers, chunk_values, row_prediction_id


@dataclass(frozen=True)
class _Chunk:
    """One chunk: its answers, and the inputs of the answered rows, None after erasure."""

    prediction_id: str
    as_of_date: str
    answers: ChunkAnswers
    values: NDArray[np.float64] | None
    applicant_ids: list[str]


def project_all(rows: pa.Table, model: ModelFacts) -> tuple[pa.Table, pa.Table]:
    """Return the projection's rows and those set apart, as `project_rows` does, chunks spread out into their rows.

    A row of a chunk has the record's sequence and time, and the identifier CHUNK.POSITION. A chunk that does not fit
    the bundle, or whose columns do not fit each other, is set apart as a whole.
    """
    decisions = [prediction_pb2.DecisionPart.FromString(part) for part in rows["decision_part"].to_pylist()]
    chunked = pa.array([decision.HasField("chunk") for decision in decisions], pa.bool_())
    projected, apart = project_rows(rows.filter(pc.invert(chunked)), model)
    for position in np.flatnonzero(chunked.to_numpy(zero_copy_only=False)).tolist():
        spread, refused = _spread_one(rows.slice(position, 1), decisions[position], model)
        projected, apart = pa.concat_tables([projected, spread]), pa.concat_tables([apart, refused])
    return projected, apart


def _spread_one(row: pa.Table, decision: prediction_pb2.DecisionPart, model: ModelFacts) -> tuple[pa.Table, pa.Table]:
    schema = projection_schema(model.schema.names).append(pa.field(COMMIT_COLUMN, pa.int64()))
    if decision.bundle_digest != model.bundle_digest:
        return schema.empty_table(), set_apart(row, ["BUNDLE_MISMATCH"])
    try:
        chunk = _chunk(decision, row["personal_part"][0].as_py(), len(model.schema.names))
    except (ValueError, DecodeError):
        return schema.empty_table(), set_apart(row, ["VALUES_INVALID"])
    columns = dict(_columns(row, chunk, model.schema.names))
    return pa.table([columns[field.name] for field in schema], schema=schema), SET_APART_SCHEMA.empty_table()


def _chunk(decision: prediction_pb2.DecisionPart, personal_part: bytes | None, n_features: int) -> _Chunk:
    """Return the chunk of a record; raises ValueError or DecodeError if it does not fit so many features."""
    answers = chunk_answers(decision.chunk)
    if not personal_part:
        return _Chunk(decision.prediction_id, decision.as_of_date, answers, None, [])
    subjects = prediction_pb2.PersonalPart.FromString(personal_part).chunk
    values = chunk_values(subjects, rows=len(answers.positions), columns=n_features)
    if np.isinf(values).any():
        raise ValueError("a value is infinite")
    return _Chunk(decision.prediction_id, decision.as_of_date, answers, values, list(subjects.applicant_ids))


def _columns(row: pa.Table, chunk: _Chunk, features: tuple[str, ...]) -> Iterator[tuple[str, pa.Array]]:
    """Yield the columns of the chunk's rows by name; what the record says as a whole is the same in each."""
    answers, rows = chunk.answers, len(chunk.answers.positions)
    for name in ("create_time", "purpose", "instance", "sequence", COMMIT_COLUMN):
        yield name, pa.repeat(row[name][0], rows)
    yield "day", pa.repeat(row["create_time"].cast(pa.date32())[0], rows)
    identifiers = [row_prediction_id(chunk.prediction_id, position) for position in answers.positions.tolist()]
    yield "prediction_id", pa.array(identifiers, pa.string())
    yield "applicant_id", pa.array([each or None for each in chunk.applicant_ids] or [None] * rows, pa.string())
    yield "application_number", pa.nulls(rows, pa.string())
    yield "as_of_date", pa.array([chunk.as_of_date or None] * rows, pa.string())
    yield "probability", pa.array(answers.probabilities)
    yield "margin", pa.array(answers.margins)
    yield "decision", pa.array([decision_name(each) for each in answers.decisions.tolist()], pa.string())
    for position, name in enumerate(features):
        measured = None if chunk.values is None else chunk.values[:, position]
        yield name, pa.nulls(rows, pa.float64()) if measured is None else pa.array(measured, from_pandas=True)
