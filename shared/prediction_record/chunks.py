"""Chunks of rows in one record: columns of numbers as bytes, laid out as types/v1/prediction.proto says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.types.v1 import prediction_pb2
from shared.wire import field_head

CHUNK_LAYOUT: Final = 2
_DOUBLES: Final = np.dtype("<f8")


@dataclass(frozen=True)
class ChunkAnswers:
    """What was answered about the rows of a chunk, one entry for each answered row.

    `positions` are their places within the chunk, ascending; `decisions` are numbers of the enum Decision.
    """

    positions: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    margins: NDArray[np.float64]
    decisions: NDArray[np.uint8]


def row_prediction_id(chunk_id: str, position: int) -> str:
    """Return the identifier of the prediction about one row of a chunk, by its place within the chunk."""
    return f"{chunk_id}.{position}"


def to_doubles(values: NDArray[np.float64]) -> bytes:
    """Return the values, row by row, as little-endian float64."""
    return np.ascontiguousarray(values, dtype=_DOUBLES).tobytes()


def doubles_in_place(values: NDArray[np.float64]) -> memoryview:
    """Return the bytes of `to_doubles` where they are, for what copies them anyway."""
    content = np.ascontiguousarray(values, dtype=_DOUBLES)
    return content.data.cast("B") if content.size else memoryview(b"")


def from_doubles(content: bytes | memoryview, *, columns: int) -> NDArray[np.float64]:
    """Return a read-only view of shape (n_rows, columns) on what `to_doubles` wrote.

    Raises ValueError for a part of a row.
    """
    return np.frombuffer(content, dtype=_DOUBLES).reshape(-1, columns)


def chunk_personal_part(values: NDArray[np.float64], applicant_ids: Sequence[str]) -> tuple[bytes | memoryview, ...]:
    """Return the serialized PersonalPart of the answered rows, (n_rows, n_features), and their applicants, if known.

    It is in pieces, the values where they are: protobuf would copy them, megabytes, five times.
    """
    content = doubles_in_place(values)
    named = prediction_pb2.ChunkSubjects(applicant_ids=applicant_ids).SerializeToString()
    head = field_head(prediction_pb2.ChunkSubjects.VALUES_FIELD_NUMBER, len(content))
    whole = field_head(prediction_pb2.PersonalPart.CHUNK_FIELD_NUMBER, len(head) + len(content) + len(named))
    return whole + head, content, named


def chunk_decisions(answers: ChunkAnswers, *, first_row: int, rows: int) -> prediction_pb2.ChunkDecisions:
    """Return the answers about a chunk of so many rows, of which those without an answer were refused."""
    refused = np.delete(np.arange(rows), answers.positions)
    return prediction_pb2.ChunkDecisions(
        first_row=first_row,
        rows=rows,
        refused_rows=refused.tolist(),
        probabilities=to_doubles(answers.probabilities),
        margins=to_doubles(answers.margins),
        decisions=answers.decisions.tobytes(),
    )


def chunk_answers(chunk: prediction_pb2.ChunkDecisions) -> ChunkAnswers:
    """Return what `chunk_decisions` wrote; raises ValueError if the columns do not fit each other."""
    probabilities = from_doubles(chunk.probabilities, columns=1)[:, 0]
    margins = from_doubles(chunk.margins, columns=1)[:, 0]
    decisions = np.frombuffer(chunk.decisions, dtype=np.uint8)
    refused = np.array(chunk.refused_rows, dtype=np.int64)
    # Before anything is made of the size of `rows`, which is only a number that somebody sent.
    if not len(probabilities) == len(margins) == len(decisions) == chunk.rows - len(refused):
        raise ValueError("the columns of the chunk have different lengths")
    positions = np.setdiff1d(np.arange(chunk.rows), refused)
    if len(positions) != len(decisions):
        raise ValueError("a refused row is none of the chunk")
    return ChunkAnswers(positions, probabilities, margins, decisions)


def chunk_values(subjects: prediction_pb2.ChunkSubjects, *, rows: int, columns: int) -> NDArray[np.float64]:
    """Return the inputs of the answered rows, (rows, columns), NaN where one is missing.

    Raises ValueError if there are not so many.
    """
    values = from_doubles(subjects.values, columns=columns)
    if len(values) != rows or len(subjects.applicant_ids) not in (0, rows):
        raise ValueError("the chunk has inputs of other rows than it has answers")
    return values
