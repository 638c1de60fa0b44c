"""Performance between messages and the domain."""

from collections.abc import Mapping

from counterfoil.monitor.v1 import performance_pb2
from services.monitor.domain.asked_performance import AskedPerformance
from services.monitor.domain.performance import (
    DEFAULT_MINIMUM_ROWS,
    Assumption,
    Comparison,
    Confusion,
    Estimate,
    Estimated,
    Expected,
    Held,
    Labelled,
    Measured,
    Performance,
    Premise,
    Realised,
    Sliced,
)
from services.monitor.domain.slicing import Asked, ByFeature, BySet, Condition
from services.monitor.messages import window_from_proto, window_to_proto
from shared.errors import InvalidInput
from shared.rpc.times import timestamp_of

_AMONG: Mapping[Labelled, performance_pb2.LabelledAmong.ValueType] = {
    each: performance_pb2.LabelledAmong.Value(f"LABELLED_AMONG_{each.value}") for each in Labelled
}
_PREMISES: Mapping[Premise, performance_pb2.Premise.ValueType] = {
    each: performance_pb2.Premise.Value(f"PREMISE_{each.value}") for each in Premise
}
_VERDICTS: Mapping[Held, performance_pb2.PremiseVerdict.ValueType] = {
    each: performance_pb2.PremiseVerdict.Value(f"PREMISE_VERDICT_{each.value}") for each in Held
}


def asked_from_proto(request: performance_pb2.GetPerformanceRequest) -> AskedPerformance:
    """Return what is asked for, defaults filled in; raises InvalidInput for a time or a slicing that is none."""
    return AskedPerformance(
        model_version=request.model_version,
        window=window_from_proto(request.window),
        slicings=tuple(_slicing(each, f"slicings[{place}]") for place, each in enumerate(request.slicings)),
        minimum_rows=request.minimum_rows or DEFAULT_MINIMUM_ROWS,
    )


def performance_to_proto(performance: Performance) -> performance_pb2.Performance:
    """Return the performance as it goes over the wire."""
    return performance_pb2.Performance(
        model_version=performance.model_version,
        window=window_to_proto(performance.window),
        first_decision_time=timestamp_of(performance.start_time),
        last_decision_time=timestamp_of(performance.end_time),
        overall=_figures(performance.overall),
        training=_training(performance.expected),
        assumptions=[_assumption(each) for each in performance.assumptions],
        assumptions_hold=not performance.doubts,
        slicings=[_sliced(each) for each in performance.slicings],
    )


def _slicing(message: performance_pb2.Slicing, field: str) -> Asked:
    by = message.WhichOneof("by")
    if by is None:
        raise InvalidInput.of(field, "is empty; give a feature or a set")
    if by == "feature":
        return ByFeature(message.feature.name, tuple(message.feature.edges), message.feature.reference)
    conditions = (
        Condition(
            feature=each.feature,
            minimum=each.minimum if each.HasField("minimum") else None,
            maximum=each.maximum if each.HasField("maximum") else None,
            levels=tuple(each.levels),
        )
        for each in message.set.conditions
    )
    return BySet(message.set.label, tuple(conditions))


def _figures(measured: Measured) -> performance_pb2.PerformanceFigures:
    return performance_pb2.PerformanceFigures(
        rows=measured.rows,
        approved_count=measured.approved,
        refused_count=measured.refused,
        labelled_count=measured.labelled,
        approval_rate=measured.approval_rate,
        label_coverage=measured.coverage,
        withheld=measured.withheld,
        realised=_realised(measured.realised) if measured.realised else None,
        estimated=_estimated(measured.estimated) if measured.estimated else None,
        estimated_labelled=_estimated(measured.estimated_labelled) if measured.estimated_labelled else None,
    )


def _realised(realised: Realised) -> performance_pb2.RealisedPerformance:
    return performance_pb2.RealisedPerformance(
        among=_AMONG[realised.among],
        approved_count=realised.approved,
        refused_count=realised.refused,
        referred_count=realised.referred,
        default_rate=realised.default_rate,
        auc=realised.auc,
        gini=realised.gini,
        ks=realised.ks,
        brier=realised.brier,
        calibration_error=realised.calibration_error,
        calibration=[
            performance_pb2.CalibrationBin(
                rows=each.rows, probability=each.probability, default_share=each.default_share
            )
            for each in realised.calibration
        ],
        confusion=_confusion(realised.confusion),
        cost=realised.cost,
        cost_rows=realised.cost_rows,
    )


def _estimated(estimated: Estimated) -> performance_pb2.EstimatedPerformance:
    return performance_pb2.EstimatedPerformance(
        rows=estimated.rows,
        default_rate=_estimate(estimated.default_rate),
        auc=_estimate(estimated.auc),
        bad_rate=_estimate(estimated.bad_rate),
        confusion=_confusion(estimated.confusion),
        cost=_estimate(estimated.cost),
        cost_rows=estimated.cost_rows,
    )


def _estimate(estimate: Estimate | None) -> performance_pb2.Estimate | None:
    if estimate is None:
        return None
    return performance_pb2.Estimate(value=estimate.value, low=estimate.low, high=estimate.high)


def _confusion(confusion: Confusion) -> performance_pb2.ConfusionMatrix:
    return performance_pb2.ConfusionMatrix(
        refused_defaulted=confusion.refused_defaulted,
        refused_repaid=confusion.refused_repaid,
        approved_defaulted=confusion.approved_defaulted,
        approved_repaid=confusion.approved_repaid,
        recall=confusion.recall,
        false_positive_rate=confusion.false_positive_rate,
        bad_rate=confusion.bad_rate,
    )


def _training(expected: Expected) -> performance_pb2.TrainingFigures:
    return performance_pb2.TrainingFigures(
        split=expected.split,
        auc=expected.auc,
        cost=expected.cost,
        calibration_error=expected.calibration_error,
        approval_rate=expected.approval_rate,
        bad_rate=expected.bad_rate,
    )


def _assumption(assumption: Assumption) -> performance_pb2.Assumption:
    return performance_pb2.Assumption(
        premise=_PREMISES[assumption.premise],
        verdict=_VERDICTS[assumption.held],
        detail=assumption.detail,
        figure=assumption.figure,
        bound=assumption.bound,
    )


def _sliced(sliced: Sliced) -> performance_pb2.SlicedPerformance:
    slices = [
        performance_pb2.PerformanceSlice(label=each.label, figures=_figures(each.measured)) for each in sliced.slices
    ]
    comparison = _comparison(sliced.comparison) if sliced.comparison else None
    return performance_pb2.SlicedPerformance(name=sliced.name, slices=slices, comparison=comparison)


def _comparison(comparison: Comparison) -> performance_pb2.GroupComparison:
    groups = [
        performance_pb2.GroupDifference(
            label=each.label,
            approval_ratio=each.approval_ratio,
            approval_rate_difference=each.approval_rate,
            recall_difference=each.recall,
            false_positive_rate_difference=each.false_positive_rate,
            calibration_error_difference=each.calibration_error,
        )
        for each in comparison.groups
    ]
    return performance_pb2.GroupComparison(
        reference=comparison.reference,
        least_approved=comparison.least_approved,
        most_approved=comparison.most_approved,
        impact_ratio=comparison.impact_ratio,
        groups=groups,
    )
