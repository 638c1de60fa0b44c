"""CompareChallenger over a real channel: real bundles, a real process, logged decisions of our own."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import numpy as np
import pytest

from counterfoil.client.errors import CallError, call_error
from counterfoil.monitor.v1 import challenger_pb2, monitor_pb2, outcome_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from counterfoil.types.v1 import prediction_pb2
from services.monitor.challenger_messages import comparison_to_proto
from services.monitor.challengers import Challengers
from services.monitor.domain.challenger import AskedComparison, ChallengerComparison
from services.monitor.domain.window import Window
from shared.bundle.reading import load_bundle
from shared.bundle.registry import ModelRegistry
from shared.bundle.schema import FeatureSchema
from shared.bundle.writing import write_bundle
from shared.errors import Exhausted, Unavailable
from tests.bundles import MODEL, tiny_bundle
from tests.service.monitors import CREDIT, DAY, HANGING_JOB, VERSION, Registered, monitor, register, settings_in
from tests.unit.monitor.models import MODEL_VERSION, KnownModels, model_facts
from tests.unit.monitor.segments import NOW, Spool

ROWS = 300
ASKED = AskedComparison(MODEL_VERSION, MODEL_VERSION, Window())
APPROVE, REFUSE = prediction_pb2.DECISION_APPROVE, prediction_pb2.DECISION_REFUSE
SECOND, RENAMED = (f"models/{MODEL}/versions/{number}" for number in (2, 3))


@dataclass(frozen=True)
class World:
    """A monitor with logged decisions of version 1, a challenger (2), and one with a feature of another name (3)."""

    stub: MonitorServiceStub
    values: np.ndarray
    parts: list[prediction_pb2.DecisionPart]
    challenger: Path

    def compare(self, **fields: object) -> challenger_pb2.ChallengerComparison:
        """Ask how the challenger would have decided."""
        request = challenger_pb2.CompareChallengerRequest(model_version=VERSION)
        request.MergeFrom(challenger_pb2.CompareChallengerRequest(**fields))  # type: ignore[arg-type]  # by name
        return self.stub.CompareChallenger(request, timeout=300)

    def refused(self, **fields: object) -> CallError:
        """Return what the refusal of a request says."""
        with pytest.raises(grpc.RpcError) as refused:
            self.compare(**fields)
        return call_error(refused.value)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Register the versions, log the decisions, and report what became of the approved."""
    folder = tmp_path_factory.mktemp("challengers")
    settings = settings_in(folder)
    registered = register(settings, folder)
    challenger = _challengers(settings.mlflow_uri, registered, folder)
    with monitor(settings, job_command=HANGING_JOB) as stub:
        values = registered.train[:ROWS].copy()
        # The decisions of these segments go by the sum of a row: every second one is to be approved.
        values[:, CREDIT] = 0.0
        values[:, CREDIT] = np.where(np.arange(ROWS) % 2, 1.0, -1.0) - np.nansum(values, axis=1)
        segment, _ = Spool().seal(values, bundle_digest=registered.digest)
        stub.IngestPredictions(monitor_pb2.IngestPredictionsRequest(segment=segment))
        parts = [prediction_pb2.DecisionPart.FromString(record.decision_part) for record in segment.records]
        request = outcome_pb2.RecordOutcomesRequest()
        for place, part in enumerate(parts):
            if part.decision == APPROVE:
                name = f"{VERSION}/predictions/{part.prediction_id}"
                request.outcomes.add(prediction=name, defaulted=place % 3 == 0).observation_time.FromDatetime(NOW + DAY)
        assert not stub.RecordOutcomes(request).refused_count
        yield World(stub, values, parts, challenger)


def _challengers(uri: str, registered: Registered, folder: Path) -> Path:
    """Register versions 2, with the alias challenger, and 3; return the bundle of 2."""
    registry = ModelRegistry(uri, cache=folder / "cache")
    dataset = load_bundle(folder / "bundle").dataset
    contents = replace(tiny_bundle(folder / "second", seed=2).contents, dataset=dataset)
    first, *others = contents.schema.features
    renamed = FeatureSchema((replace(first, name="FLAG_NEW", fallback=0.0), *others), contents.schema.dropped)
    profile = replace(contents.profile, names=renamed.names)
    for place, each in enumerate((contents, replace(contents, schema=renamed, profile=profile))):
        digest = write_bundle(folder / f"challenger {place}", each)
        registry.register_bundle(folder / f"challenger {place}", model=MODEL, run_id=dataset.run_id, digest=digest)
    registered.client.set_registered_model_alias(MODEL, "challenger", "2")
    return folder / "challenger 0"


@pytest.fixture(scope="module")
def found(world: World) -> challenger_pb2.ChallengerComparison:
    """Return what the monitor says of the model's challenger."""
    return world.compare()


def test_the_challenger_decides_again_on_every_logged_applicant(
    world: World, found: challenger_pb2.ChallengerComparison
) -> None:
    """The matrix is that of its own bundle, scored here, against what was logged."""
    bundle = load_bundle(world.challenger)
    _, probabilities = bundle.predict(world.values)
    theirs = np.where(probabilities >= bundle.threshold, REFUSE, APPROVE)
    ours = np.array([part.decision for part in world.parts])

    assert (found.model_version, found.challenger, found.rows) == (VERSION, SECOND, ROWS)
    counts = {(pair.decision, pair.challenger_decision): pair.count for pair in found.pairs}
    expected = {
        (one, other): int(((ours == one) & (theirs == other)).sum())
        for one in (APPROVE, REFUSE)
        for other in (APPROVE, REFUSE)
    }
    assert counts == {pair: count for pair, count in expected.items() if count}
    assert found.agreement_rate == pytest.approx((ours == theirs).mean())
    assert found.approval_rate == pytest.approx((ours == APPROVE).mean())
    assert found.challenger_approval_rate == pytest.approx((theirs == APPROVE).mean())
    assert not found.features_not_logged
    assert found.first_decision_time.ToSeconds() == int(NOW.timestamp())


def test_costs_are_told_by_outcomes_and_by_both_models_probabilities(
    world: World, found: challenger_pb2.ChallengerComparison
) -> None:
    """At 10 for a missed default and 1 for a lost loan, worked out here."""
    bundle = load_bundle(world.challenger)
    _, challengers = bundle.predict(world.values)
    logged = np.array([part.probability for part in world.parts])
    approved = np.array([part.decision == APPROVE for part in world.parts])
    again = challengers < bundle.threshold
    labels = np.where(np.arange(ROWS) % 3 == 0, 1.0, 0.0)

    costs = {each.basis: each for each in found.costs}

    def cost(chances: np.ndarray, approves: np.ndarray, rows: np.ndarray) -> float:
        return float(np.where(approves, 10.0 * chances, 1.0 - chances)[rows].mean())

    everybody = np.full(ROWS, fill_value=True)
    for basis, chances, rows in (
        (challenger_pb2.COST_BASIS_OUTCOMES, labels, approved),
        (challenger_pb2.COST_BASIS_LOGGED_PROBABILITIES, logged, everybody),
        (challenger_pb2.COST_BASIS_CHALLENGER_PROBABILITIES, challengers, everybody),
    ):
        assert costs[basis].rows == rows.sum()
        assert costs[basis].cost == pytest.approx(cost(chances, approved, rows))
        assert costs[basis].challenger_cost == pytest.approx(cost(chances, again, rows))


def test_a_feature_that_is_not_logged_is_said_and_taken_as_missing(world: World) -> None:
    """The comparison is made all the same, on fewer rows where so many are asked for."""
    found = world.compare(challenger=RENAMED, max_rows=100)

    assert (found.challenger, found.rows) == (RENAMED, 100)
    assert list(found.features_not_logged) == ["FLAG_NEW"]


def test_a_window_without_decisions_compares_nothing() -> None:
    """Rates are absent, not 0."""
    nothing = ChallengerComparison(0, None, None, (), (), ())

    message = comparison_to_proto(ASKED, ChallengerComparison.from_json(nothing.to_json()))

    assert (message.rows, list(message.pairs), list(message.costs)) == (0, [], [])
    absent = ("agreement_rate", "approval_rate", "challenger_approval_rate", "first_decision_time")
    assert not [name for name in absent if message.HasField(name)]  # type: ignore[arg-type]  # names of fields


@pytest.mark.parametrize(
    ("fields", "code", "named"),
    [
        ({"challenger": "challenger"}, "INVALID_ARGUMENT", "challenger"),
        ({"max_rows": 99}, "INVALID_ARGUMENT", "max_rows"),
        ({"window": monitor_pb2.PredictionWindow(last_count=-1)}, "INVALID_ARGUMENT", "window.last_count"),
        ({"challenger": f"models/{MODEL}/versions/9"}, "NOT_FOUND", ""),
        ({"challenger": f"models/{MODEL}/versions/nobody"}, "FAILED_PRECONDITION", ""),
    ],
)
def test_what_cannot_be_compared_is_named(world: World, fields: dict[str, object], code: str, named: str) -> None:
    """Before a process is started."""
    refusal = world.refused(**fields)

    assert refusal.code == code
    assert [each.field for each in refusal.fields] == ([named] if named else [])


def _challengers_with(*program: str, longest_s: float = 60.0) -> Challengers:
    command = (sys.executable, "-I", "-S", "-c", *program)
    return Challengers(KnownModels(model_facts()), lambda _: None, {}, command, longest_s)


@pytest.mark.parametrize(("longest_s", "active"), [(0.1, True), (60.0, False)])
def test_a_comparison_that_takes_too_long_or_that_nobody_waits_for_is_ended(longest_s: float, active: bool) -> None:
    """Its process too, and the next one may begin."""
    challengers = _challengers_with("import sys; sys.stdin.read()", longest_s=longest_s)

    for _ in range(2):
        with pytest.raises(Exhausted) as refused:
            challengers.compare(ASKED, lambda: active)
        assert refused.value.reason == "COMPARISON_TOO_LONG"


def test_one_comparison_is_made_at_a_time() -> None:
    """Models and windows take memory that the log needs."""
    challengers = _challengers_with("")

    with challengers.turn, pytest.raises(Exhausted) as refused:
        challengers.compare(ASKED, lambda: True)

    assert refused.value.reason == "CHALLENGER_BUSY"


def test_a_process_that_dies_is_told_apart_from_a_refusal() -> None:
    """Killed for memory it leaves no answer; what it could say comes back as it was."""
    said = '{"reason": "BUNDLE_REJECTED", "message": "it is damaged", "metadata": {}}'
    refusing = _challengers_with(f"import sys; open(sys.argv[2], 'w').write('{said}'); sys.exit(1)")

    with pytest.raises(Unavailable) as died:
        _challengers_with("import os; os.abort()").compare(ASKED, lambda: True)
    with pytest.raises(Exception, match="it is damaged") as refused:
        refusing.compare(ASKED, lambda: True)

    assert died.value.reason == "COMPARISON_FAILED"
    assert getattr(refused.value, "reason", "") == "BUNDLE_REJECTED"
