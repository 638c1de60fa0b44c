"""Chunks of rows in segments that verify."""

from collections.abc import Sequence

import numpy as np

from counterfoil.types.v1 import prediction_pb2
from shared.prediction_record.chain import personal_digest, record_hash, segment_digest
from shared.prediction_record.chunks import ChunkAnswers, chunk_decisions, to_doubles

CHUNK_ID = "22222222-2222-4222-8222-222222222222"


def with_chunk(
    segment: prediction_pb2.Segment, *, values: np.ndarray, answered: Sequence[int], rows: int, ids: Sequence[str]
) -> prediction_pb2.Segment:
    """Return the segment, its last record a chunk of so many rows whose inputs are (len(answered), n_features)."""
    sealed = prediction_pb2.Segment.FromString(segment.SerializeToString())
    record = sealed.records[-1]
    decision = prediction_pb2.DecisionPart.FromString(record.decision_part)
    margins = np.arange(len(answered), dtype=np.float64) - 1.0
    decisions = np.full(len(answered), prediction_pb2.DECISION_REFUSE, dtype=np.uint8)
    answers = ChunkAnswers(np.array(answered), 1 / (1 + np.exp(-margins)), margins, decisions)
    decision.layout_version, decision.prediction_id = 2, CHUNK_ID
    for name in ("probability", "margin", "decision", "reason_features", "reason_contributions"):
        decision.ClearField(name)
    decision.chunk.CopyFrom(chunk_decisions(answers, first_row=0, rows=rows))
    subjects = prediction_pb2.ChunkSubjects(values=to_doubles(values), applicant_ids=ids)
    record.personal_part = prediction_pb2.PersonalPart(chunk=subjects).SerializeToString(deterministic=True)
    decision.personal_digest = personal_digest(record.salt, record.personal_part)
    record.decision_part = decision.SerializeToString(deterministic=True)
    previous = sealed.records[-2].hash if len(sealed.records) > 1 else sealed.previous_hash
    record.hash = record_hash(previous, record.sequence, record.decision_part)
    sealed.digest = segment_digest(sealed)
    return sealed
