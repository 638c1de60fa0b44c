"""GetPerformance over a real channel: what is expected of decisions, then what happened to them."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from counterfoil.client.errors import CallError, call_error
from counterfoil.monitor.v1 import monitor_pb2, outcome_pb2, performance_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from counterfoil.types.v1 import prediction_pb2
from tests.service.monitors import DAY, HANGING_JOB, TEST, day, monitor, settings_in
from tests.unit.monitor.decisions import outcomes
from tests.unit.monitor.models import FEATURES, MODEL_VERSION, KnownModels, model_facts
from tests.unit.monitor.segments import NOW, Spool, seeded_values

ROWS = 600
COSTS = {"false_negative": 10.0, "false_positive": 1.0}
METRICS = {"test_auc": 0.8, "test_business_cost": 0.5, "cv_auc": 0.9}


@dataclass(frozen=True)
class Decisions:
    """The decisions of a model that is calibrated, and what became of them."""

    stub: MonitorServiceStub
    parts: list[prediction_pb2.DecisionPart]

    @property
    def probabilities(self) -> np.ndarray:
        """Return the probabilities of default, (600,)."""
        return np.array([part.probability for part in self.parts])

    def performance(self, **fields: object) -> performance_pb2.Performance:
        """Ask how the model does."""
        request = performance_pb2.GetPerformanceRequest(model_version=MODEL_VERSION)
        request.MergeFrom(performance_pb2.GetPerformanceRequest(**fields))  # type: ignore[arg-type]  # by name
        return self.stub.GetPerformance(request)

    def refused(self, **fields: object) -> CallError:
        """Return what the refusal of a request says."""
        with pytest.raises(grpc.RpcError) as refused:
            self.performance(**fields)
        return call_error(refused.value)

    def record(self, labels: np.ndarray, *, days: int = 90) -> None:
        """Report what became of all decisions, (600,) with 1 for a default."""
        request = outcome_pb2.RecordOutcomesRequest()
        for part, label in zip(self.parts, labels, strict=True):
            name = f"{MODEL_VERSION}/predictions/{part.prediction_id}"
            report = request.outcomes.add(prediction=name, defaulted=bool(label))
            report.observation_time.FromDatetime(NOW + days * DAY)
        assert not self.stub.RecordOutcomes(request).refused_count


@pytest.fixture
def decisions(tmp_path: Path) -> Iterator[Decisions]:
    """Run a monitor whose log has the decisions, and some wild tests that must not count."""
    model = replace(model_facts(), costs=COSTS, metrics=METRICS)
    with monitor(settings_in(tmp_path), models=KnownModels(model), job_command=HANGING_JOB) as stub:
        segment, spool = Spool().seal(seeded_values(ROWS, seed=5))
        tests, _ = spool.seal(np.full((50, 3), 9.0), purposes=[TEST] * 50)
        for each in (segment, tests):
            stub.IngestPredictions(monitor_pb2.IngestPredictionsRequest(segment=each))
        parts = [prediction_pb2.DecisionPart.FromString(record.decision_part) for record in segment.records]
        yield Decisions(stub, parts)


def verdicts(performance: performance_pb2.Performance) -> dict[str, str]:
    """Return what was found of each premise, by their names."""
    return {
        performance_pb2.Premise.Name(each.premise).removeprefix("PREMISE_"): performance_pb2.PremiseVerdict.Name(
            each.verdict
        ).removeprefix("PREMISE_VERDICT_")
        for each in performance.assumptions
    }


def test_before_any_outcome_there_are_estimates(decisions: Decisions) -> None:
    """With what nothing is known of: calibration and concept."""
    performance = decisions.performance()

    overall, probabilities = performance.overall, decisions.probabilities
    assert (overall.rows, overall.labelled_count, overall.label_coverage) == (ROWS, 0, 0.0)
    assert not overall.HasField("realised")
    assert overall.estimated.default_rate.value == pytest.approx(probabilities.mean())
    assert overall.estimated.auc.low < overall.estimated.auc.value < overall.estimated.auc.high
    expected = np.where(probabilities < 0.5, 10 * probabilities, 1 - probabilities)
    assert overall.estimated.cost.value == pytest.approx(expected.mean())
    assert verdicts(performance)["CALIBRATED"] == verdicts(performance)["CONCEPT_STABLE"] == "NOT_CHECKED"
    assert (performance.training.split, performance.training.auc, performance.training.cost) == ("test", 0.8, 0.5)
    assert performance.first_decision_time.ToDatetime(dt.UTC) == NOW


def test_outcomes_are_what_happened(decisions: Decisions) -> None:
    """As scikit-learn has it, within what was expected of the same applicants."""
    labels = outcomes(decisions.probabilities, seed=6)
    decisions.record(labels)

    performance = decisions.performance()

    realised, expected = performance.overall.realised, performance.overall.estimated_labelled
    refused = decisions.probabilities >= 0.5
    assert realised.auc == pytest.approx(roc_auc_score(labels, decisions.probabilities))
    assert realised.cost == pytest.approx(np.where(refused, 1 - labels, 10 * labels).mean())
    assert realised.confusion.refused_defaulted == labels[refused].sum()
    assert realised.among == performance_pb2.LABELLED_AMONG_ALL_DECISIONS
    assert sum(each.rows for each in realised.calibration) == ROWS
    assert expected.auc.low < realised.auc < expected.auc.high
    assert expected.cost.low < realised.cost < expected.cost.high
    assert verdicts(performance)["CALIBRATED"] == verdicts(performance)["CONCEPT_STABLE"] == "HOLDS"


def test_a_correction_changes_what_happened(decisions: Decisions) -> None:
    """Had they all repaid, calibration would be contradicted, and the answer says so."""
    decisions.record(outcomes(decisions.probabilities, seed=6))
    decisions.record(np.zeros(ROWS), days=91)

    performance = decisions.performance()

    assert performance.overall.realised.default_rate == 0.0
    assert not performance.overall.realised.HasField("auc")
    assert verdicts(performance)["CALIBRATED"] == "DOUBTFUL"
    assert not performance.assumptions_hold


def test_slices_have_figures_of_their_own(decisions: Decisions) -> None:
    """Of a feature at given edges and of a set; a slice that is too small is only counted."""
    feature = performance_pb2.FeatureSlicing(name=FEATURES[0], edges=[-1.9, 0.0])
    condition = performance_pb2.SliceCondition(feature=FEATURES[0], minimum=0.0)
    bound = performance_pb2.SetSlicing(label="large", conditions=[condition])

    by_feature, by_set = decisions.performance(slicings=[{"feature": feature}, {"set": bound}]).slicings

    assert [each.label for each in by_feature.slices] == ["up to -1.9", "-1.9 to 0", "above 0"]
    assert [each.figures.withheld for each in by_feature.slices] == [True, False, False]
    assert sum(each.figures.rows for each in by_feature.slices) == ROWS
    assert not by_feature.slices[0].figures.HasField("estimated")
    assert {each.label for each in by_feature.comparison.groups} == {"-1.9 to 0", "above 0"}
    assert (by_feature.comparison.least_approved, by_feature.comparison.most_approved) == ("above 0", "-1.9 to 0")
    assert 0 < by_feature.comparison.impact_ratio < 0.8
    assert (by_set.name, by_set.comparison.reference) == ("large", "outside")
    assert by_set.slices[0].figures.rows == by_feature.slices[2].figures.rows


def test_a_window_bounds_what_is_looked_at(decisions: Decisions) -> None:
    """By time and number; an empty one has no figure and no times."""
    newest = decisions.performance(window=monitor_pb2.PredictionWindow(last_count=200))
    empty = decisions.performance(window=day(3))

    assert newest.overall.rows == 200
    assert newest.window.last_count == 200
    assert (empty.overall.rows, empty.overall.withheld, empty.HasField("first_decision_time")) == (0, True, False)
    assert verdicts(empty)["ENOUGH_DECISIONS"] == "DOUBTFUL"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"minimum_rows": 19}, "minimum_rows"),
        ({"window": monitor_pb2.PredictionWindow(last_count=-1)}, "window.last_count"),
        ({"slicings": [performance_pb2.Slicing()]}, "slicings[0]"),
        ({"slicings": [{"feature": {"name": "INCOME"}}]}, "slicings[0].feature.name"),
    ],
)
def test_what_cannot_be_told_is_named(decisions: Decisions, fields: dict[str, object], named: str) -> None:
    """By the field that has to be mended."""
    error = decisions.refused(**fields)

    assert (error.reason, [problem.field for problem in error.fields]) == ("INVALID_FIELD", [named])


def test_an_unknown_model_version_is_not_found(decisions: Decisions) -> None:
    """With the registry's own reason."""
    assert decisions.refused(model_version=f"{MODEL_VERSION}7").reason == "MODEL_VERSION_NOT_FOUND"
