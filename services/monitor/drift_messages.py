"""A model's drift status as a message."""

from collections.abc import Mapping
from typing import Final

from counterfoil.monitor.v1 import drift_status_pb2
from services.monitor.domain.drift_verdict import (
    ContributionDrift,
    DriftKind,
    DriftVerdict,
    FeatureDrift,
    ScoreDrift,
    WindowKind,
)
from services.monitor.domain.status import DriftStatus
from services.monitor.messages import report_name
from shared.rpc.times import timestamp_of

_WINDOWS: Final[Mapping[WindowKind, drift_status_pb2.DriftWindowKind.ValueType]] = {
    WindowKind.LAST_COUNT: drift_status_pb2.DRIFT_WINDOW_KIND_LAST_COUNT,
    WindowKind.LAST_HOURS: drift_status_pb2.DRIFT_WINDOW_KIND_LAST_HOURS,
    WindowKind.LAST_DAYS: drift_status_pb2.DRIFT_WINDOW_KIND_LAST_DAYS,
    WindowKind.SINCE_PROMOTION: drift_status_pb2.DRIFT_WINDOW_KIND_SINCE_PROMOTION,
}
_KINDS: Final[Mapping[DriftKind, drift_status_pb2.FeatureDriftKind.ValueType]] = {
    DriftKind.VALUES: drift_status_pb2.FEATURE_DRIFT_KIND_VALUES,
    DriftKind.MISSING: drift_status_pb2.FEATURE_DRIFT_KIND_MISSING,
    DriftKind.RANGE: drift_status_pb2.FEATURE_DRIFT_KIND_RANGE,
}


def status_to_proto(status: DriftStatus, known_etag: str) -> drift_status_pb2.DriftStatus:
    """Return the status, or its etag alone if that is the one which the caller knows."""
    if known_etag == status.etag:
        return drift_status_pb2.DriftStatus(etag=status.etag)
    message = drift_status_pb2.DriftStatus(
        model_version=status.model_version,
        etag=status.etag,
        prediction_count=status.tally.count,
        last_prediction_time=timestamp_of(status.tally.last_time),
        windows=map(_window_to_proto, status.verdicts),
    )
    if status.report is not None:
        message.drift_report = report_name(status.report.report_id)
        message.report_time.FromDatetime(status.report.end_time)
        if status.report.drifted is not None and status.report.drifted_share is not None:
            message.drifted, message.drifted_share = status.report.drifted, status.report.drifted_share
    return message


def _window_to_proto(verdict: DriftVerdict) -> drift_status_pb2.WindowDrift:
    return drift_status_pb2.WindowDrift(
        kind=_WINDOWS[verdict.window],
        rows=verdict.rows,
        minimum_rows=verdict.minimum_rows,
        start_time=timestamp_of(verdict.start_time),
        data_drifted=verdict.data_drifted,
        drifted_count=verdict.drifted_count,
        judged_count=verdict.judged_count,
        features=map(_feature_to_proto, verdict.features),
        score=None if verdict.score is None else _score_to_proto(verdict.score),
        contributions_drifted=verdict.contributions_drifted,
        contribution_rows=verdict.contribution_rows,
        contributions=map(_contribution_to_proto, verdict.contributions),
    )


def _feature_to_proto(drift: FeatureDrift) -> drift_status_pb2.FeatureDrift:
    return drift_status_pb2.FeatureDrift(
        feature=drift.feature,
        kinds=[_KINDS[kind] for kind in drift.kinds],
        weight=drift.weight,
        psi=drift.psi,
        jensen_shannon=drift.jensen_shannon,
        wasserstein=drift.wasserstein,
        values_p=drift.values_p,
        missing_p=drift.missing_p,
        range_p=drift.range_p,
        reference_missing_share=drift.reference_missing_share,
        current_missing_share=drift.current_missing_share,
        out_of_bounds_share=drift.out_of_bounds_share,
        out_of_range_share=drift.out_of_range_share,
        unseen_count=drift.unseen_count,
        reference_unseen_share=drift.reference_unseen_share,
    )


def _score_to_proto(drift: ScoreDrift) -> drift_status_pb2.ScoreDrift:
    return drift_status_pb2.ScoreDrift(
        drifted=drift.drifted,
        psi=drift.psi,
        jensen_shannon=drift.jensen_shannon,
        wasserstein=drift.wasserstein,
        p=drift.p,
    )


def _contribution_to_proto(drift: ContributionDrift) -> drift_status_pb2.ContributionDrift:
    return drift_status_pb2.ContributionDrift(
        feature=drift.feature, reference_mean=drift.reference_mean, current_mean=drift.current_mean, p=drift.p
    )
