"""The rpcs of TrainerService that are about registered model versions."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import grpc

from counterfoil.trainer.v1 import training_pb2
from counterfoil.trainer.v1.trainer_pb2_grpc import TrainerServiceServicer
from services.trainer.domain.governance import promote
from services.trainer.domain.selection import select_page
from services.trainer.domain.versions import VersionRegistry
from services.trainer.model_messages import promotion_from_proto, query_from_proto, version_to_proto
from services.trainer.names import model_and_version
from shared.rpc.caller import caller_of
from shared.rpc.pages import decode_token, encode_token, page_size


@dataclass(frozen=True)
class ModelRpcs(TrainerServiceServicer):
    """Answers from the model registry, which is opened when it is first asked."""

    versions: Callable[[], VersionRegistry]
    clock: Callable[[], datetime]
    # Two promotions at once could both find the etag unchanged.
    promoting: threading.Lock

    def GetModelVersion(
        self, request: training_pb2.GetModelVersionRequest, context: grpc.ServicerContext
    ) -> training_pb2.ModelVersion:
        """Return one version, by number or alias."""
        return version_to_proto(self.versions().get(*model_and_version(request.name)))

    def ListModelVersions(
        self, request: training_pb2.ListModelVersionsRequest, context: grpc.ServicerContext
    ) -> training_pb2.ListModelVersionsResponse:
        """Return a page of the versions that match, in the order that was asked for."""
        query, size, after = query_from_proto(request), page_size(request.page_size), decode_token(request.page_token)
        found, position = select_page(self.versions().of_model(query.model), query, page_size=size, position=after)
        shown = [version_to_proto(version) for version in found]
        return training_pb2.ListModelVersionsResponse(model_versions=shown, next_page_token=encode_token(position))

    def PromoteModelVersion(
        self, request: training_pb2.PromoteModelVersionRequest, context: grpc.ServicerContext
    ) -> training_pb2.ModelVersion:
        """Point an alias to a version, unless one has moved since the etag was read."""
        promotion = promotion_from_proto(request, caller_of(context))
        with self.promoting:
            promote(self.versions(), promotion, self.clock)
            return version_to_proto(self.versions().get(promotion.model, str(promotion.version)))
