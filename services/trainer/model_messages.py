"""Model versions and promotions between messages and the domain."""

from google.protobuf.timestamp_pb2 import Timestamp

from counterfoil.trainer.v1 import training_pb2
from services.trainer.dataset_messages import DATASETS
from services.trainer.domain.governance import CHAMPION, Promotion
from services.trainer.domain.selection import BY_VERSION, MetricBound, VersionFilter, VersionOrder, VersionQuery
from services.trainer.domain.versions import ModelVersion
from services.trainer.names import identifier, model_of, version_name, version_number
from services.trainer.training_messages import TRAINING_JOBS


def promotion_from_proto(request: training_pb2.PromoteModelVersionRequest, approver: str) -> Promotion:
    """Return the wish; raises InvalidInput unless the name holds a version's number."""
    model, version = version_number(request.name)
    return Promotion(
        model=model,
        version=version,
        alias=request.alias or CHAMPION,
        etag=request.etag,
        reason=request.reason,
        approver=approver,
    )


def query_from_proto(request: training_pb2.ListModelVersionsRequest) -> VersionQuery:
    """Return which versions are asked for, by default all, newest first; raises InvalidInput for a malformed name."""
    return VersionQuery(
        model_of(request.parent),
        _filter_from_proto(request.filter),
        VersionOrder(request.order.by or BY_VERSION, request.order.ascending),
    )


def version_to_proto(version: ModelVersion) -> training_pb2.ModelVersion:
    """Return the version as it goes over the wire."""
    create_time = Timestamp()
    create_time.FromDatetime(version.create_time)
    return training_pb2.ModelVersion(
        name=version_name(version.model, version.version),
        create_time=create_time,
        classifier=version.classifier,
        dataset=f"{DATASETS}/{version.dataset}",
        training_job=f"{TRAINING_JOBS}/{version.training_job}",
        run_id=version.run_id,
        aliases=version.aliases,
        bundle_digest=version.bundle_digest,
        threshold=version.threshold,
        metrics=version.metrics,
        etag=version.etag,
    )


def _filter_from_proto(asked: training_pb2.ModelVersionFilter) -> VersionFilter:
    return VersionFilter(
        classifier=asked.classifier,
        dataset=identifier(asked.dataset, DATASETS, field="filter.dataset") if asked.dataset else "",
        alias=asked.alias,
        bounds=tuple(_bound_from_proto(bound) for bound in asked.metrics),
    )


def _bound_from_proto(bound: training_pb2.MetricBound) -> MetricBound:
    return MetricBound(
        bound.metric,
        bound.minimum if bound.HasField("minimum") else None,
        bound.maximum if bound.HasField("maximum") else None,
    )
