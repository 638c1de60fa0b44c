"""What people see of a model's performance."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from google.protobuf.message import Message
from rich.console import RenderableType

from counterfoil.cli.views.layout import (
    ABSENT,
    facts,
    figure,
    listing,
    moment,
    share,
    stacked,
    whole,
    word,
)
from counterfoil.monitor.v1 import performance_pb2

_FOUR_FIFTHS: Final = 0.8
_AMONG: Final = performance_pb2.LabelledAmong.DESCRIPTOR
_PREMISE: Final = performance_pb2.Premise.DESCRIPTOR
_VERDICT: Final = performance_pb2.PremiseVerdict.DESCRIPTOR


def performance_view(performance: performance_pb2.Performance) -> RenderableType:
    """Return what happened beside what was to be expected, the premises, and the window divided each way."""
    slicings = (part for each in performance.slicings for part in _sliced(each))
    return stacked(_head(performance), _figures(performance), _assumptions(performance.assumptions), *slicings)


def _head(performance: performance_pb2.Performance) -> RenderableType:
    overall = performance.overall
    span = " to ".join(filter(None, map(moment, (performance.first_decision_time, performance.last_decision_time))))
    among = f", {word(_AMONG, overall.realised.among).replace('_', ' ')}" if overall.HasField("realised") else ""
    return facts(
        [
            ("model version", performance.model_version),
            ("decisions", f"{whole(overall.rows)}{f', {span}' if span else ''}"),
            ("approved", _optional(overall, "approval_rate", share)),
            ("outcomes known", f"{_optional(overall, 'label_coverage', share)}{among}"),
            ("assumptions", "hold as far as they could be checked" if performance.assumptions_hold else "DOUBTFUL"),
            ("too few", "no figure is told of so few decisions" if overall.withheld else ""),
        ]
    )


def _figures(performance: performance_pb2.Performance) -> RenderableType | None:
    overall, training = performance.overall, performance.training
    if overall.withheld:
        return None
    figures = [
        ("AUC", overall.realised, "auc"),
        ("cost", overall.realised, "cost"),
        ("default rate", overall.realised, "default_rate"),
        ("bad rate", overall.realised.confusion, "bad_rate"),
        ("calibration error", overall.realised, "calibration_error"),
        ("Gini", overall.realised, "gini"),
        ("KS", overall.realised, "ks"),
        ("Brier score", overall.realised, "brier"),
    ]
    rows = [
        (
            label,
            _optional(happened, name) if overall.HasField("realised") else ABSENT,
            _estimate(overall.estimated_labelled, name),
            _estimate(overall.estimated, name),
            _optional(training, name),
        )
        for label, happened, name in figures
    ]
    headings = ("figure", "happened", "expected of the same", "expected of all", f"training ({training.split})")
    return listing(headings, rows, right=headings[1:])


def _assumptions(assumptions: Iterable[performance_pb2.Assumption]) -> RenderableType:
    rows = [
        (
            word(_PREMISE, each.premise).replace("_", " "),
            word(_VERDICT, each.verdict).replace("_", " "),
            _optional(each, "figure"),
            _optional(each, "bound"),
            each.detail,
        )
        for each in assumptions
    ]
    return listing(("assumption", "verdict", "figure", "bound", "what"), rows, right=("figure", "bound"))


def _sliced(sliced: performance_pb2.SlicedPerformance) -> Iterator[RenderableType]:
    differences = {each.label: each for each in sliced.comparison.groups}
    rows = [
        (
            each.label,
            whole(each.figures.rows),
            _optional(each.figures, "approval_rate", share),
            _optional(each.figures, "label_coverage", share),
            _optional(each.figures.realised, "auc"),
            _estimate(each.figures.estimated, "auc"),
            _optional(each.figures.realised.confusion, "bad_rate"),
            _optional(each.figures.realised, "cost"),
            _optional(differences[each.label], "approval_ratio") if each.label in differences else ABSENT,
        )
        for each in sliced.slices
    ]
    headings = ("slice", "decisions", "approved", "outcomes", "AUC", "expected", "bad rate", "cost", "ratio")
    yield listing(headings, rows, title=sliced.name, right=headings[1:])
    if sliced.HasField("comparison"):
        yield _comparison(sliced.comparison)


def _comparison(comparison: performance_pb2.GroupComparison) -> RenderableType:
    low = comparison.HasField("impact_ratio") and comparison.impact_ratio < _FOUR_FIFTHS
    said = f"{_optional(comparison, 'impact_ratio')} ({comparison.least_approved} to {comparison.most_approved})"
    rows = [
        (
            each.label,
            _optional(each, "approval_rate_difference"),
            _optional(each, "recall_difference"),
            _optional(each, "false_positive_rate_difference"),
            _optional(each, "calibration_error_difference"),
        )
        for each in comparison.groups
        if each.label != comparison.reference
    ]
    headings = (f"less {comparison.reference}", "approved", "recall", "false positives", "calibration error")
    return stacked(
        facts([("impact ratio", f"{said}{', BELOW FOUR FIFTHS' if low else ''}")]),
        listing(headings, rows, right=headings[1:]),
    )


def _estimate(estimated: Message, name: str) -> str:
    if name not in estimated.DESCRIPTOR.fields_by_name or not estimated.HasField(name):
        return ABSENT
    estimate = getattr(estimated, name)
    return f"{figure(estimate.value)} ({figure(estimate.low)} to {figure(estimate.high)})"


def _optional(message: Message, name: str, told: Callable[[float], str] = figure) -> str:
    """Return a field as it is told; one that is absent, or not in the message at all, is not."""
    known = name in message.DESCRIPTOR.fields_by_name and (
        not message.DESCRIPTOR.fields_by_name[name].has_presence or message.HasField(name)
    )
    return told(getattr(message, name)) if known else ABSENT
