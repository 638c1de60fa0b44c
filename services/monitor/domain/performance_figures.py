"""Realised performance as figures that rules can be held against."""

from collections.abc import Iterator

from services.monitor.domain.alerts import Measurement
from services.monitor.domain.performance import Estimate, Estimated, Labelled, Performance, Realised
from services.monitor.domain.rules import Watch

_APPROVED_ONLY = "outcomes are known of approved applicants alone"


def measurements_of_performance(performance: Performance) -> Iterator[Measurement]:
    """Yield how far a window's realised figures are from what its probabilities let expect of the same applicants.

    Figures of the test split would be those of other applicants: a lender learns the outcomes of approved ones, among
    whom any model ranks worse. What lies within the interval that chance explains measures 0, as does a figure that is
    better than expected.
    """
    realised, expected = performance.overall.realised, performance.overall.estimated_labelled
    if realised is None or expected is None:
        return
    detail = _APPROVED_ONLY if realised.among is Labelled.APPROVED_ONLY else ""
    for watch, value in _figures(realised, expected):
        yield Measurement(watch, performance.model_version, value, realised.rows, detail=detail)


def _figures(realised: Realised, expected: Estimated) -> Iterator[tuple[Watch, float]]:
    if realised.auc is not None and expected.auc is not None:
        yield Watch.AUC_DROP, _below(realised.auc, expected.auc)
    if realised.cost is not None and expected.cost is not None and expected.cost.value > 0:
        yield Watch.COST_RISE, _above(realised.cost, expected.cost) / expected.cost.value
    rate, promised = realised.default_rate, expected.default_rate
    yield Watch.CALIBRATION, max(_above(rate, promised), _below(rate, promised))


def _below(value: float, expected: Estimate) -> float:
    return expected.value - value if value < expected.low else 0.0


def _above(value: float, expected: Estimate) -> float:
    return value - expected.value if value > expected.high else 0.0
