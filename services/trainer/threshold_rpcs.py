"""The rpcs of TrainerService that are about thresholds of versions that were trained already."""

from collections.abc import Callable
from dataclasses import dataclass

import grpc

from counterfoil.trainer.v1 import threshold_pb2, training_pb2
from counterfoil.trainer.v1.trainer_pb2_grpc import TrainerServiceServicer
from services.trainer.domain.decisions import best_point, operating_points
from services.trainer.domain.versions import VersionRegistry
from services.trainer.model_messages import version_to_proto
from services.trainer.stewardship import Stewardship
from services.trainer.threshold_messages import figures_to_proto, query_from_proto, split_to_proto, wish_from_proto
from services.trainer.training_messages import costs_to_proto
from shared.rpc.caller import caller_of


@dataclass(frozen=True)
class ThresholdRpcs(TrainerServiceServicer):
    """Answers from the outcomes that each version's run keeps."""

    versions: Callable[[], VersionRegistry]
    stewardship: Stewardship

    def EvaluateThresholds(
        self, request: threshold_pb2.EvaluateThresholdsRequest, context: grpc.ServicerContext
    ) -> threshold_pb2.EvaluateThresholdsResponse:
        """Return what the thresholds mean, beside the best of all and the version's own."""
        query = query_from_proto(request)
        version = self.versions().get(query.model, query.version_or_alias)
        scored = self.versions().scored(version, query.split)
        points = operating_points(scored, [*query.thresholds, version.threshold], version.costs)
        return threshold_pb2.EvaluateThresholdsResponse(
            figures=[figures_to_proto(point) for point in points[:-1]],
            best=figures_to_proto(best_point(scored, version.costs)),
            current=figures_to_proto(points[-1]),
            split=split_to_proto(query.split),
            outcomes=len(scored.targets),
            costs=costs_to_proto(version.costs),
        )

    def CreateModelVersion(
        self, request: threshold_pb2.CreateModelVersionRequest, context: grpc.ServicerContext
    ) -> training_pb2.ModelVersion:
        """Register a version with another's model and a threshold of its own."""
        return version_to_proto(self.stewardship.rethreshold(wish_from_proto(request, caller_of(context))))
