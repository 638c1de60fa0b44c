"""Versions side by side: the alias is followed, a challenger answers in the shadow, a version can be asked for."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import prediction_pb2
from shared.errors import Unavailable
from tests.bundles import TinyBundle, tiny_bundle
from tests.fakes import FakeMonitor, FakeRegistry, monitor_server
from tests.lending import eventually
from tests.service.scoring import APPLICATION, Scorer, answer_of, ask, batch, failure, scorer

SERVING = scorer_pb2.GetServingModelRequest()
ALL = scorer_pb2.ListServingModelsRequest()


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return version 1."""
    return tiny_bundle(tmp_path_factory.mktemp("champion"), seed=6)


@pytest.fixture(scope="module")
def challenger(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return version 2 of the same model."""
    return tiny_bundle(tmp_path_factory.mktemp("challenger"), seed=7)


@pytest.fixture
def registry(champion: TinyBundle, challenger: TinyBundle) -> FakeRegistry:
    """Return a registry with a champion and a challenger."""
    registry = FakeRegistry()
    registry.register(champion, alias="champion")
    registry.register(challenger, alias="challenger")
    return registry


@pytest.fixture
def running(registry: FakeRegistry, tmp_path: Path) -> Iterator[Scorer]:
    """Give a scorer that serves both."""
    with scorer(tmp_path, registry, challenger_alias="challenger", watch_seconds=0.05) as it:
        until(lambda: versions(it) == ["1", "2"])
        yield it


def versions(running: Scorer) -> list[str]:
    """Return the numbers of what is served, the champion's first."""
    served = running.stub.ListServingModels(ALL).serving_models
    return [each.model_version.rpartition("/")[2] for each in served]


def until(holds: Callable[[], bool]) -> None:
    """Return as soon as the condition holds."""
    eventually(holds, timeout_s=60, what="following the alias")


def test_an_alias_that_moves_is_followed(registry: FakeRegistry, tmp_path: Path, champion: TinyBundle) -> None:
    """Nobody has to call ReloadModel."""
    with scorer(tmp_path, registry, watch_seconds=0.05) as running:
        registry.aliases["credit-default", "champion"] = 2
        until(lambda: running.stub.GetServingModel(SERVING).model_version.endswith("/2"))

        assert running.stub.Score(ask(champion.applicant_ids[0])).model_version.endswith("/2")


def test_a_registry_that_is_down_stops_no_answer(registry: FakeRegistry, tmp_path: Path, champion: TinyBundle) -> None:
    """What is served goes on, and the alias is followed again afterwards."""
    with scorer(tmp_path, registry, watch_seconds=0.05) as running:
        registry.failure = Unavailable("MLflow cannot be used now", reason="MLFLOW_UNAVAILABLE")
        answers = [running.stub.Score(ask(each)) for each in champion.applicant_ids[:200]]
        registry.aliases["credit-default", "champion"] = 2
        registry.failure = None
        until(lambda: running.stub.GetServingModel(SERVING).model_version.endswith("/2"))

    assert {answer.model_version for answer in answers} == {"models/credit-default/versions/1"}


def test_what_is_served_is_listed_with_its_alias(running: Scorer) -> None:
    """The champion first; features are left to GetServingModel."""
    served = running.stub.ListServingModels(ALL).serving_models

    assert [(each.alias, each.model_version) for each in served] == [
        ("champion", "models/credit-default/versions/1"),
        ("challenger", "models/credit-default/versions/2"),
    ]
    assert not served[0].features


def test_a_version_that_is_asked_for_answers(running: Scorer, champion: TinyBundle) -> None:
    """Alone and in a batch, each by its own bundle."""
    applicant = champion.applicant_ids[5]

    first, second = (running.stub.Score(ask(applicant, version=version)) for version in ("1", "2"))
    rows = running.stub.BatchScore(batch([scorer_pb2.Subject(applicant_id=applicant)], version="2")).results

    assert answer_of(first) == answer_of(running.stub.Score(ask(applicant)))
    assert second.model_version.endswith("/2")
    assert second.margin != first.margin
    assert answer_of(rows[0].score) == answer_of(second)


def test_a_version_that_is_not_served_is_not_found(running: Scorer, champion: TinyBundle) -> None:
    """The answer would be another model's."""
    error = failure(lambda: running.stub.Score(ask(champion.applicant_ids[0], version="3")))

    assert (error.code, error.reason) == ("NOT_FOUND", "VERSION_NOT_SERVED")


def test_the_challenger_answers_decisions_for_the_log_alone(
    registry: FakeRegistry, tmp_path: Path, champion: TinyBundle
) -> None:
    """Same applicant and inputs, purpose SHADOW; a test is not shadowed, and the lender hears the champion."""
    monitor = FakeMonitor()
    with (
        monitor_server(monitor) as address,
        scorer(tmp_path, registry, monitor_address=address, challenger_alias="challenger") as running,
    ):
        until(lambda: versions(running) == ["1", "2"])
        told = running.stub.Score(ask(champion.applicant_ids[3], request_id="loan"))
        running.stub.Score(ask(champion.applicant_ids[4], purpose=prediction_pb2.PURPOSE_TEST))
        monitor.wait_for_records(3)

    logged = [prediction_pb2.DecisionPart.FromString(record.decision_part) for record in monitor.records]
    (shadow,) = [each for each in logged if each.purpose == prediction_pb2.PURPOSE_SHADOW]
    person = prediction_pb2.PersonalPart.FromString(monitor.records[logged.index(shadow)].personal_part)
    assert told.model_version.endswith("/1")
    assert sorted(each.model_version.rpartition("/")[2] for each in logged) == ["1", "1", "2"]
    assert shadow.model_version.endswith("/2")
    assert person.applicant_id == champion.applicant_ids[3]


def test_only_answers_of_the_champion_have_a_shadow(
    registry: FakeRegistry, tmp_path: Path, champion: TinyBundle
) -> None:
    """Nobody answers wrong features, and a call that names its version has no shadow."""
    monitor = FakeMonitor()
    with (
        monitor_server(monitor) as address,
        scorer(tmp_path, registry, monitor_address=address, challenger_alias="challenger") as running,
    ):
        until(lambda: versions(running) == ["1", "2"])
        unknown = {name: value for name, value in APPLICATION.items() if name != "AMT_CREDIT"}
        refused = failure(lambda: running.stub.Score(ask(features=unknown)))
        told = running.stub.Score(ask(champion.applicant_ids[0], version="1"))
        monitor.wait_for_records(1)

    assert refused.code == "INVALID_ARGUMENT"
    assert told.model_version.endswith("/1")
    assert len(monitor.decisions) == 1


def test_a_challenger_ends_with_its_alias(running: Scorer, registry: FakeRegistry, champion: TinyBundle) -> None:
    """The champion answers as before."""
    del registry.aliases["credit-default", "challenger"]
    until(lambda: versions(running) == ["1"])

    assert running.stub.Score(ask(champion.applicant_ids[0])).model_version.endswith("/1")
    assert failure(lambda: running.stub.Score(ask("x", version="2"))).reason == "VERSION_NOT_SERVED"
