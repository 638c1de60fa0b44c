"""Outcomes that come in raise alerts where decisions turn out worse than expected, and nothing where they do not."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from services.monitor.domain.alerts import AlertFilter, AlertState
from services.monitor.domain.asked_performance import AskedPerformance
from services.monitor.domain.decided import Decided
from services.monitor.domain.measuring import measure
from services.monitor.domain.performance import Expected, Labelled, Performance
from services.monitor.domain.performance_figures import measurements_of_performance
from services.monitor.domain.rules import Watch
from services.monitor.performance_watch import WATCHED, PerformanceWatch
from shared.errors import CounterfoilError, Exhausted, NotFound
from tests.lending import eventually
from tests.unit.monitor.alarms import Alarms, alarms_in
from tests.unit.monitor.decisions import calibrated, decided, outcomes
from tests.unit.monitor.models import MODEL_VERSION

ROWS = 6_000
OTHER = "models/credit-default/versions/2"


def _performance(window: Decided, model_version: str = MODEL_VERSION) -> Performance:
    nothing = Expected("test", None, None, None, None, None)
    return Performance(model_version, WATCHED, None, None, measure(window, minimum_rows=100), (), nothing)


def _figures(window: Decided) -> dict[Watch, float]:
    return {each.watch: each.value for each in measurements_of_performance(_performance(window))}


def _worse(seed: int = 3) -> Decided:
    """Return decisions on applicants who default as if their probabilities had been dealt out anew, twice as often."""
    probabilities = np.random.default_rng(seed).beta(1.2, 13.0, ROWS)
    dealt = np.random.default_rng(seed + 1).permutation(probabilities)
    return decided(probabilities, outcomes(np.minimum(2 * dealt, 1.0), seed + 2))


@dataclass
class Measuring:
    """Returns the performances that it was given, and raises the troubles before; notes what was asked."""

    performances: dict[str, Performance]
    troubles: list[CounterfoilError] = field(default_factory=list)
    asked: list[AskedPerformance] = field(default_factory=list)
    done: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def __call__(self, asked: AskedPerformance) -> Performance:
        """Measure."""
        self.asked.append(asked)
        self.done.release()
        if self.troubles:
            raise self.troubles.pop(0)
        return self.performances[asked.model_version]


@pytest.fixture
def alarms(tmp_path: Path) -> Iterator[Alarms]:
    """Return alerting in a folder of its own."""
    alarms = alarms_in(tmp_path)
    yield alarms
    alarms.database.close()


def _watched(alarms: Alarms, measuring: Measuring, *model_versions: str, measurements: int = 1) -> None:
    watch = PerformanceWatch(measuring, alarms.alerting, pause_s=0.01)
    watch.start()
    watch.want(model_versions)
    for _ in range(measurements):
        assert measuring.done.acquire(timeout=60)
    watch.stop()


def _rules(alarms: Alarms, *states: AlertState) -> set[str]:
    return {each.finding.rule for each in alarms.alerting.list(AlertFilter(states), page_size=50, before=0)[0]}


@pytest.mark.parametrize("seed", range(5))
def test_chance_measures_nothing(seed: int) -> None:
    """Applicants who default as often as their probabilities say never look like a loss beyond the bounds."""
    figures = _figures(calibrated(ROWS, seed))

    assert figures.keys() == {Watch.AUC_DROP, Watch.COST_RISE, Watch.CALIBRATION}
    assert figures[Watch.AUC_DROP] < 0.05
    assert figures[Watch.COST_RISE] < 0.2
    assert figures[Watch.CALIBRATION] < 0.05


def test_a_model_that_no_longer_ranks_measures_a_loss_of_area_and_cost() -> None:
    """By how far each figure is from what the probabilities let expect of these applicants."""
    window = _worse()
    measured = measure(window, minimum_rows=100)

    figures = _figures(window)

    assert measured.realised is not None
    assert measured.realised.auc is not None
    assert measured.estimated_labelled is not None
    assert measured.estimated_labelled.auc is not None
    assert figures[Watch.AUC_DROP] == measured.estimated_labelled.auc.value - measured.realised.auc
    assert figures[Watch.COST_RISE] > 0.2
    promised = measured.estimated_labelled.default_rate.value
    assert figures[Watch.CALIBRATION] == pytest.approx(measured.realised.default_rate - promised)


def test_approved_applicants_alone_are_no_loss_of_area() -> None:
    """Among those whom a model approved it ranks worse by nature: no alert comes of that."""
    window = calibrated(ROWS, seed=7)
    window = decided(window.probabilities, np.where(window.approved, window.labels, np.nan))
    measured = list(measurements_of_performance(_performance(window)))

    assert {each.watch: each.value for each in measured}[Watch.AUC_DROP] < 0.05
    assert {each.detail for each in measured} == {"outcomes are known of approved applicants alone"}
    realised = _performance(window).overall.realised
    assert realised is not None
    assert realised.among is Labelled.APPROVED_ONLY


def test_without_outcomes_nothing_is_measured() -> None:
    """Neither raised nor resolved."""
    assert _figures(decided(np.full(500, 0.1))) == {}


def test_new_outcomes_raise_alerts_that_propose_retraining(alarms: Alarms) -> None:
    """And later ones resolve them."""
    measuring = Measuring({MODEL_VERSION: _performance(_worse())})
    _watched(alarms, measuring, MODEL_VERSION)

    raised = _rules(alarms, AlertState.RAISED)
    _watched(alarms, Measuring({MODEL_VERSION: _performance(calibrated(ROWS, seed=1))}), MODEL_VERSION)

    assert raised == {"auc-drop", "cost-rise", "calibration"}
    assert {alert.finding.rule for alert in alarms.proposing} == raised
    assert _rules(alarms, AlertState.RESOLVED) == raised
    assert [asked.window for asked in measuring.asked] == [WATCHED]


def test_a_monitor_that_is_busy_measures_later(alarms: Alarms) -> None:
    """What is wrong for good, or with one model version, holds up no other."""
    troubles = [
        Exhausted("two windows are measured", reason="PERFORMANCE_BUSY"),
        NotFound("there is none", reason="MODEL_VERSION_NOT_FOUND"),
    ]
    measuring = Measuring({MODEL_VERSION: _performance(_worse())}, troubles)

    _watched(alarms, measuring, MODEL_VERSION, OTHER, measurements=3)

    eventually(lambda: bool(_rules(alarms, AlertState.RAISED)), timeout_s=60, what="an alert")
    assert [asked.model_version for asked in measuring.asked] == [MODEL_VERSION, OTHER, MODEL_VERSION]
