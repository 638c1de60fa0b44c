"""A chunk of answers as the prediction log keeps it: one record, laid out as ADR 22 says."""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from counterfoil.types.v1 import prediction_pb2
from services.scorer.adapters.spool import LargeEntry
from services.scorer.domain.chunks import ChunkAnswer, ScoredRows
from services.scorer.domain.reasons import Detail, Wish
from services.scorer.messages import explain_to_proto, purpose_to_proto
from shared.bundle.reading import Bundle
from shared.prediction_record.chain import personal_digest
from shared.prediction_record.chunks import CHUNK_LAYOUT, ChunkAnswers, chunk_decisions, chunk_personal_part


def chunk_entry(answer: ChunkAnswer, *, prediction_id: str, create_time: datetime, salt: bytes) -> LargeEntry:
    """Return the record of a chunk of which at least one row was answered."""
    personal = chunk_personal_part(answer.values, answer.applicant_ids)
    decision = determined_chunk(answer.order.served.bundle, answer.order.wish)
    decision.MergeFrom(_asked_part(answer))
    columns = columns_of(answer.scored, answer.positions)
    chunk = chunk_decisions(columns, first_row=answer.rows.first_row, rows=len(answer.rows.values))
    decision.chunk.CopyFrom(chunk)
    decision.prediction_id = prediction_id
    decision.create_time.FromDatetime(create_time)
    decision.personal_digest = personal_digest(salt, *personal)
    return LargeEntry(decision.SerializeToString(deterministic=True), personal, salt)


def determined_chunk(bundle: Bundle, wish: Wish) -> prediction_pb2.DecisionPart:
    """Return what bundle and wish say of all rows of a chunk: what a replay must find again beside the columns."""
    scoring = bundle.scoring
    return prediction_pb2.DecisionPart(
        baseline=scoring.baseline,
        threshold=bundle.threshold,
        explain=explain_to_proto(wish),
        max_principal_reasons=wish.principal,
        baseline_probability=scoring.baseline_probability if wish.detail is not Detail.NONE else None,
    )


def columns_of(scored: ScoredRows, positions: NDArray[np.int64]) -> ChunkAnswers:
    """Return the answers about the rows at these positions as the columns of a record."""
    decisions = np.where(scored.refused, prediction_pb2.DECISION_REFUSE, prediction_pb2.DECISION_APPROVE)
    return ChunkAnswers(positions, scored.probabilities, scored.margins, decisions.astype(np.uint8))


def _asked_part(answer: ChunkAnswer) -> prediction_pb2.DecisionPart:
    order = answer.order
    return prediction_pb2.DecisionPart(
        layout_version=CHUNK_LAYOUT,
        model_version=order.served.model_version,
        bundle_digest=order.served.bundle.digest,
        kernel_id=order.served.bundle.kernel_id,
        purpose=purpose_to_proto(order.purpose),
        caller=order.caller,
        method=order.method,
        as_of_date=order.as_of_date,
    )
