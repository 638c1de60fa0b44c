"""Replays as replies."""

from typing import Final

from counterfoil.scorer.v1 import replay_pb2
from services.scorer.domain.differences import Difference, Value
from services.scorer.replaying import Replayed

MAX_DIFFERENCES: Final = 100


def replayed_to_proto(replayed: Replayed) -> replay_pb2.ReplayPredictionResponse:
    """Return the reply about a replay, with the first 100 differences."""
    stored = replayed.stored
    return replay_pb2.ReplayPredictionResponse(
        prediction=f"{stored.model_version}/predictions/{stored.prediction_id}",
        bundle_digest=stored.bundle_digest,
        recorded_kernel_id=stored.kernel_id,
        kernel_id=replayed.kernel_id,
        outcome=_outcome(replayed),
        differences=[_difference_to_proto(each) for each in replayed.differences[:MAX_DIFFERENCES]],
        difference_count=len(replayed.differences),
        rows=replayed.rows,
        chain_verified=replayed.chain_verified,
        features=replayed.contributions.keys(),
        contributions=replayed.contributions.values(),
    )


def _outcome(replayed: Replayed) -> replay_pb2.ReplayOutcome.ValueType:
    if replayed.differences:
        return replay_pb2.REPLAY_OUTCOME_DIFFERENT
    same = replayed.same_kernel
    return replay_pb2.REPLAY_OUTCOME_BIT_EQUAL if same else replay_pb2.REPLAY_OUTCOME_EQUAL_ACROSS_KERNELS


def _difference_to_proto(difference: Difference) -> replay_pb2.ReplayDifference:
    return replay_pb2.ReplayDifference(
        field=difference.field, stored=_text(difference.stored), recomputed=_text(difference.computed)
    )


def _text(value: Value) -> str:
    """Return a number in the shortest form that reads back as the same, and nothing for nothing."""
    return "" if value is None else str(value)
