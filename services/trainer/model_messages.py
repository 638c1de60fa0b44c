"""Model versions and promotions between messages and the domain."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from counterfoil.trainer.v1 import training_pb2
from services.trainer.dataset_messages import DATASETS
from services.trainer.domain.governance import CHAMPION, AliasWish
from services.trainer.domain.selection import BY_VERSION, MetricBound, VersionFilter, VersionOrder, VersionQuery
from services.trainer.domain.versions import AliasMove, ModelVersion
from services.trainer.names import identifier, model_of, version_name, version_number
from services.trainer.training_messages import TRAINING_JOBS, costs_to_proto


def wish_from_proto(
    request: training_pb2.PromoteModelVersionRequest | training_pb2.DemoteModelVersionRequest, approver: str
) -> AliasWish:
    """Return the wish, by default about the champion; raises InvalidInput unless the name holds a version's number."""
    model, version = version_number(request.name)
    return AliasWish(
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
    return training_pb2.ModelVersion(
        name=version_name(version.model, version.version),
        create_time=_timestamp(version.create_time),
        classifier=version.classifier,
        dataset=f"{DATASETS}/{version.dataset}",
        training_job=f"{TRAINING_JOBS}/{version.training_job}",
        run_id=version.run_id,
        aliases=version.aliases,
        bundle_digest=version.bundle_digest,
        threshold=version.threshold,
        metrics=version.metrics,
        etag=version.etag,
        creator=version.creator,
        on_behalf_of=version.on_behalf_of,
        alias_moves=[_move_to_proto(move) for move in version.alias_moves],
        promotion_obstacle=version.promotion_obstacle,
        costs=costs_to_proto(version.costs),
        base_version=version_name(version.model, version.base_version) if version.base_version else "",
        reason=version.reason,
    )


def _move_to_proto(move: AliasMove) -> training_pb2.AliasMove:
    return training_pb2.AliasMove(
        alias=move.alias,
        removed=move.removed,
        approver=move.approver,
        reason=move.reason,
        time=_timestamp(move.time),
    )


def _timestamp(moment: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


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
