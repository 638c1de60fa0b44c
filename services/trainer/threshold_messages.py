"""Thresholds between messages and the domain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from counterfoil.trainer.v1 import threshold_pb2
from services.trainer.domain.decisions import OperatingPoint
from services.trainer.domain.versions import ThresholdWish
from services.trainer.names import model_and_version, version_number
from shared.errors import FieldViolation, InvalidInput

_MOST_THRESHOLDS = 1000
_DEFAULT_GRID = 99
_SPLITS: Mapping[threshold_pb2.ScoredSplit.ValueType, str] = {
    threshold_pb2.SCORED_SPLIT_UNSPECIFIED: "cv",
    threshold_pb2.SCORED_SPLIT_CV: "cv",
    threshold_pb2.SCORED_SPLIT_TEST: "test",
    threshold_pb2.SCORED_SPLIT_TRAIN: "train",
}


@dataclass(frozen=True)
class ThresholdQuery:
    """Which thresholds of which version are asked for, and on which split."""

    model: str
    version_or_alias: str
    split: str
    thresholds: Sequence[float]


def query_from_proto(request: threshold_pb2.EvaluateThresholdsRequest) -> ThresholdQuery:
    """Return the query with its grid spelt out; raises InvalidInput that names each field out of its range."""
    violations = [*_count_violations(request), *_range_violations(request)]
    if violations:
        raise InvalidInput(violations)
    model, version = model_and_version(request.name)
    points = request.grid_points or _DEFAULT_GRID
    grid = (np.arange(1, points + 1) / (points + 1)).tolist()
    return ThresholdQuery(model, version, _SPLITS[request.split], list(request.thresholds) or grid)


def wish_from_proto(request: threshold_pb2.CreateModelVersionRequest, creator: str) -> ThresholdWish:
    """Return the wish; raises InvalidInput unless a version is named by its number and a threshold is there."""
    if not request.HasField("threshold"):
        raise InvalidInput.of("threshold", "must be a probability inside (0, 1)")
    model, version = version_number(request.base_version, field="base_version")
    return ThresholdWish(
        model=model,
        base=version,
        threshold=request.threshold,
        reason=request.reason,
        creator=creator,
        request_id=request.request_id,
    )


def figures_to_proto(point: OperatingPoint) -> threshold_pb2.ThresholdFigures:
    """Return what a threshold means as it goes over the wire."""
    return threshold_pb2.ThresholdFigures(
        threshold=point.threshold,
        cost=point.cost,
        approval_rate=point.approval_rate,
        bad_rate=point.bad_rate,
        recall=point.recall,
    )


def split_to_proto(split: str) -> threshold_pb2.ScoredSplit.ValueType:
    """Return the split as it goes over the wire."""
    return threshold_pb2.ScoredSplit.Value(f"SCORED_SPLIT_{split.upper()}")


def _count_violations(request: threshold_pb2.EvaluateThresholdsRequest) -> list[FieldViolation]:
    violations = []
    if request.split not in _SPLITS:
        violations.append(FieldViolation("split", "must be CV, TEST or TRAIN"))
    if len(request.thresholds) > _MOST_THRESHOLDS:
        violations.append(FieldViolation("thresholds", f"must be at most {_MOST_THRESHOLDS}"))
    if not 0 <= request.grid_points <= _MOST_THRESHOLDS:
        violations.append(FieldViolation("grid_points", f"must be 0 (for {_DEFAULT_GRID}) to {_MOST_THRESHOLDS}"))
    if request.grid_points and request.thresholds:
        violations.append(FieldViolation("grid_points", "must be left out where thresholds are named"))
    return violations


def _range_violations(request: threshold_pb2.EvaluateThresholdsRequest) -> list[FieldViolation]:
    return [
        FieldViolation(f"thresholds[{place}]", "must be a probability inside (0, 1)")
        for place, threshold in enumerate(request.thresholds)
        if not 0.0 < threshold < 1.0
    ]
