"""The rpcs of TrainerService that are about registered model versions and what they rest on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import grpc
from google.protobuf.empty_pb2 import Empty

from counterfoil.trainer.v1 import artifact_pb2, dataset_pb2, training_pb2
from counterfoil.trainer.v1.trainer_pb2_grpc import TrainerServiceServicer
from services.trainer.dataset_messages import DATASETS
from services.trainer.domain.artifacts import list_artifacts, read_artifact
from services.trainer.domain.selection import list_page
from services.trainer.domain.versions import VersionRegistry
from services.trainer.model_messages import query_from_proto, version_to_proto, wish_from_proto
from services.trainer.names import identifier, model_and_version, version_number
from services.trainer.stewardship import Stewardship
from shared.rpc.caller import caller_of
from shared.rpc.pages import decode_token, encode_token, page_size


@dataclass(frozen=True)
class ModelRpcs(TrainerServiceServicer):
    """Answers from the model registry, which is opened when it is first asked."""

    versions: Callable[[], VersionRegistry]
    stewardship: Stewardship

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
        found, position = list_page(self.versions(), query, page_size=size, position=after)
        shown = [version_to_proto(version) for version in found]
        return training_pb2.ListModelVersionsResponse(model_versions=shown, next_page_token=encode_token(position))

    def ListModelArtifacts(
        self, request: artifact_pb2.ListModelArtifactsRequest, context: grpc.ServicerContext
    ) -> artifact_pb2.ListModelArtifactsResponse:
        """Return which artifacts a version has."""
        registry = self.versions()
        version = registry.get(*model_and_version(request.parent, field="parent"))
        found = [
            artifact_pb2.ModelArtifact(artifact=each.name, content_type=each.content_type, size_bytes=each.size_bytes)
            for each in list_artifacts(registry.files, version.run_id)
        ]
        return artifact_pb2.ListModelArtifactsResponse(model_artifacts=found)

    def ReadModelArtifact(
        self, request: artifact_pb2.ReadModelArtifactRequest, context: grpc.ServicerContext
    ) -> Iterator[artifact_pb2.ReadModelArtifactResponse]:
        """Stream an artifact of a version."""
        registry = self.versions()
        version = registry.get(*model_and_version(request.name))
        for chunk in read_artifact(registry.files, version.run_id, request.artifact):
            yield artifact_pb2.ReadModelArtifactResponse(chunk=chunk)

    def PromoteModelVersion(
        self, request: training_pb2.PromoteModelVersionRequest, context: grpc.ServicerContext
    ) -> training_pb2.ModelVersion:
        """Point an alias to a version, unless one has moved since the etag was read."""
        return version_to_proto(self.stewardship.promote(wish_from_proto(request, caller_of(context))))

    def DemoteModelVersion(
        self, request: training_pb2.DemoteModelVersionRequest, context: grpc.ServicerContext
    ) -> training_pb2.ModelVersion:
        """Take an alias from a version, unless one has moved since the etag was read."""
        return version_to_proto(self.stewardship.demote(wish_from_proto(request, caller_of(context))))

    def DeleteModelVersion(
        self, request: training_pb2.DeleteModelVersionRequest, context: grpc.ServicerContext
    ) -> Empty:
        """Delete a version that no alias ever pointed to."""
        self.stewardship.delete_version(*version_number(request.name), etag=request.etag, reason=request.reason)
        return Empty()

    def DeleteDataset(self, request: dataset_pb2.DeleteDatasetRequest, context: grpc.ServicerContext) -> Empty:
        """Delete a data set that no registered version was trained on."""
        self.stewardship.delete_dataset(identifier(request.name, DATASETS), reason=request.reason)
        return Empty()
