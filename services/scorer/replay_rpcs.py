"""The rpc that computes a stored prediction anew."""

import grpc

from counterfoil.scorer.v1 import replay_pb2, scorer_pb2_grpc
from services.scorer.replay_messages import replayed_to_proto
from services.scorer.replaying import Replayer


class ReplayRpcs(scorer_pb2_grpc.ScorerServiceServicer):
    """Answers ReplayPrediction."""

    replayer: Replayer

    def ReplayPrediction(
        self, request: replay_pb2.ReplayPredictionRequest, context: grpc.ServicerContext
    ) -> replay_pb2.ReplayPredictionResponse:
        """Compute a stored prediction anew and compare."""
        row = request.row if request.HasField("row") else None
        return replayed_to_proto(self.replayer.replay(request.record, request.previous_hash, row=row))
