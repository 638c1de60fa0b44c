"""What serves: nothing before it is verified, swapped as a whole, and never lost to a failed reload."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import prediction_pb2
from services.scorer.app import SERVICE_NAME
from shared.errors import Unavailable
from tests.bundles import TinyBundle, tiny_bundle
from tests.fakes import FakeRegistry
from tests.processes import wait_until_serving
from tests.service.scoring import Scorer, answer_of, ask, at_once, failure, scorer

RELOAD = scorer_pb2.ReloadModelRequest()
SERVING = scorer_pb2.GetServingModelRequest()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return the first bundle."""
    return tiny_bundle(tmp_path_factory.mktemp("first"), seed=4)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return another bundle of the same model."""
    return tiny_bundle(tmp_path_factory.mktemp("second"), seed=5)


@pytest.fixture
def registry(bundle: TinyBundle) -> FakeRegistry:
    """Return a registry whose champion is the first bundle."""
    registry = FakeRegistry()
    registry.register(bundle, alias="champion")
    return registry


@pytest.fixture
def running(registry: FakeRegistry, tmp_path: Path) -> Iterator[Scorer]:
    """Give a scorer that serves the champion."""
    with scorer(tmp_path, registry) as it:
        yield it


def health(address: str, service: str) -> str:
    """Return what grpc.health.v1 says, by a client that is not ours."""
    with grpc.insecure_channel(address) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check  # type: ignore[attr-defined]  # untyped in typeshed
        reply = check(health_pb2.HealthCheckRequest(service=service), timeout=10)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status))


def test_without_a_champion_the_scorer_starts_and_says_what_to_do(tmp_path: Path) -> None:
    """FAILED_PRECONDITION with the command that makes one; the process lives, the service is not serving."""
    with scorer(tmp_path, FakeRegistry(), serving=False) as running:
        _until(lambda: failure(lambda: running.stub.GetServingModel(SERVING)).reason != "MODEL_LOADING")
        error = failure(lambda: running.stub.Score(ask("100001")))

        assert (error.code, error.reason) == ("FAILED_PRECONDITION", "NO_CHAMPION")
        assert "counterfoil model promote credit-default/" in error.message
        assert health(running.address, "") == "SERVING"
        assert health(running.address, SERVICE_NAME) == "NOT_SERVING"


def test_a_champion_that_appears_is_served_without_a_restart(bundle: TinyBundle, tmp_path: Path) -> None:
    """The scorer goes on asking the registry in the background, and health follows."""
    registry = FakeRegistry()
    registry.register(bundle)
    with scorer(tmp_path, registry, serving=False) as running:
        registry.aliases["credit-default", "champion"] = 1

        wait_until_serving(running.address, SERVICE_NAME)

        assert running.stub.Score(ask(bundle.applicant_ids[0])).model_version == "models/credit-default/versions/1"


def test_a_registry_that_is_down_at_first_is_waited_for(
    registry: FakeRegistry, bundle: TinyBundle, tmp_path: Path
) -> None:
    """UNAVAILABLE meanwhile, then served."""
    registry.failure = Unavailable("MLflow cannot be used now", reason="MLFLOW_UNAVAILABLE")
    with scorer(tmp_path, registry, serving=False) as running:
        _until(lambda: failure(lambda: running.stub.GetServingModel(SERVING)).reason != "MODEL_LOADING")
        error = failure(lambda: running.stub.Score(ask(bundle.applicant_ids[0])))
        registry.failure = None
        wait_until_serving(running.address, SERVICE_NAME)

        assert (error.code, error.reason) == ("UNAVAILABLE", "MLFLOW_UNAVAILABLE")
        assert running.stub.Score(ask(bundle.applicant_ids[0])).probability > 0


def test_a_restart_while_the_registry_is_down_serves_what_was_served_last(
    registry: FakeRegistry, bundle: TinyBundle, other: TinyBundle, tmp_path: Path
) -> None:
    """With its applicants; a reload still says why it fails, and the champion of now follows by itself."""
    with scorer(tmp_path, registry) as before:
        expected = before.stub.Score(ask(bundle.applicant_ids[0]))
    registry.failure = Unavailable("MLflow cannot be used now", reason="MLFLOW_UNAVAILABLE")
    with scorer(tmp_path, registry) as running:
        resumed = running.stub.Score(ask(bundle.applicant_ids[0]))
        error = failure(lambda: running.stub.ReloadModel(RELOAD))
        registry.register(other, alias="champion")
        registry.failure = None
        _until(lambda: running.stub.GetServingModel(SERVING).bundle_digest == other.digest)

    assert answer_of(resumed) == answer_of(expected)
    assert (error.code, error.reason) == ("UNAVAILABLE", "MLFLOW_UNAVAILABLE")


def test_what_the_alias_named_is_not_served_once_it_names_nothing(registry: FakeRegistry, tmp_path: Path) -> None:
    """Only a registry that does not answer lets the last version serve again."""
    with scorer(tmp_path, registry):
        registry.aliases.clear()
    with scorer(tmp_path, registry, serving=False) as running:
        _until(lambda: failure(lambda: running.stub.GetServingModel(SERVING)).reason != "MODEL_LOADING")

        assert failure(lambda: running.stub.GetServingModel(SERVING)).reason == "NO_CHAMPION"


def test_reload_swaps_to_what_the_alias_names_now(running: Scorer, registry: FakeRegistry, other: TinyBundle) -> None:
    """Before it the old version answers, after it the new one."""
    before = running.stub.Score(ask("100001"))
    registry.register(other, alias="champion")
    unchanged = running.stub.Score(ask("100001"))

    reloaded = running.stub.ReloadModel(RELOAD)
    after = running.stub.Score(ask("100001"))

    assert (before.model_version, unchanged.model_version) == ("models/credit-default/versions/1",) * 2
    assert reloaded == running.stub.GetServingModel(SERVING)
    assert reloaded.bundle_digest == other.digest
    assert after.model_version == reloaded.model_version == "models/credit-default/versions/2"
    assert after.margin == other.contents.model.margins(other.values[:1])[0]


@pytest.mark.parametrize("damage", ["byte", "missing", "foreign"])
def test_a_bundle_that_does_not_verify_is_refused_and_the_old_one_serves(
    running: Scorer, registry: FakeRegistry, tmp_path: Path, damage: str
) -> None:
    """FAILED_PRECONDITION BUNDLE_REJECTED; answers and health stay as they were."""
    broken = tiny_bundle(
        tmp_path / "broken", seed=6, model_name="mortgages" if damage == "foreign" else "credit-default"
    )
    model_text = broken.folder / "model.txt"
    if damage == "byte":
        model_text.write_bytes(model_text.read_bytes().replace(b"leaf_value=", b"leaf_value=9", 1))
    elif damage == "missing":
        model_text.unlink()
    registry.versions["credit-default", 2] = broken
    registry.aliases["credit-default", "champion"] = 2

    error = failure(lambda: running.stub.ReloadModel(RELOAD))

    assert (error.code, error.reason) == ("FAILED_PRECONDITION", "BUNDLE_REJECTED")
    assert running.stub.Score(ask("100001")).model_version == "models/credit-default/versions/1"
    assert health(running.address, SERVICE_NAME) == "SERVING"


def test_a_reload_while_the_registry_is_down_changes_nothing(running: Scorer, registry: FakeRegistry) -> None:
    """UNAVAILABLE for the one who reloads, nothing for those who score."""
    registry.failure = Unavailable("MLflow cannot be used now", reason="MLFLOW_UNAVAILABLE")

    error = failure(lambda: running.stub.ReloadModel(RELOAD))

    assert (error.code, error.reason) == ("UNAVAILABLE", "MLFLOW_UNAVAILABLE")
    assert running.stub.Score(ask("100001")).model_version == "models/credit-default/versions/1"


def test_all_rows_of_a_batch_are_answered_by_one_bundle(
    running: Scorer, registry: FakeRegistry, bundle: TinyBundle, other: TinyBundle
) -> None:
    """However often the model is swapped while they are scored; version and margin of a row always agree."""
    registry.register(other, alias="champion")
    bundles = {"models/credit-default/versions/1": bundle, "models/credit-default/versions/2": other}
    subjects = [scorer_pb2.Subject(applicant_id=each) for each in bundle.applicant_ids[:300]]
    request = scorer_pb2.BatchScoreRequest(purpose=prediction_pb2.PURPOSE_DECISION, subjects=subjects)

    def swap_or_score(place: int) -> object:
        if place == 0:
            for version in (1, 2, 1, 2, 1, 2):
                registry.aliases["credit-default", "champion"] = version
                running.stub.ReloadModel(RELOAD)
            return None
        return running.stub.BatchScore(request)

    replies = [reply for reply in at_once(4, swap_or_score) if isinstance(reply, scorer_pb2.BatchScoreResponse)]

    assert len(replies) == 3
    for reply in replies:
        (version,) = {result.score.model_version for result in reply.results}
        margins = bundles[version].contents.model.margins(bundles[version].values[:300])
        assert [result.score.margin for result in reply.results] == margins.tolist()


def test_without_its_splits_a_bundle_serves_named_features_alone(
    bundle: TinyBundle, registry: FakeRegistry, tmp_path: Path
) -> None:
    """Identifiers are UNAVAILABLE until the splits are back, which the scorer notices by itself."""
    hidden = {name: path.with_suffix(".hidden") for name, path in bundle.splits.items()}
    for name, path in bundle.splits.items():
        shutil.move(path, hidden[name])
    try:
        with scorer(tmp_path, registry) as running:
            features = dict.fromkeys(bundle.contents.schema.names)
            named = running.stub.Score(ask(features=features))
            error = failure(lambda: running.stub.Score(ask("100001")))
            for name, path in bundle.splits.items():
                shutil.move(hidden[name], path)
            _until(lambda: _answers(running))

            assert named.model_version == "models/credit-default/versions/1"
            assert (error.code, error.reason) == ("UNAVAILABLE", "APPLICANTS_UNAVAILABLE")
    finally:
        for name, path in bundle.splits.items():
            if hidden[name].exists():
                shutil.move(hidden[name], path)


def test_reflection_lists_the_service(running: Scorer) -> None:
    """As grpcurl asks for it."""
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    with grpc.insecure_channel(running.address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        (reply,) = stub.ServerReflectionInfo(iter([request]))  # type: ignore[operator]  # untyped in typeshed

    assert SERVICE_NAME in {service.name for service in reply.list_services_response.service}


def _answers(running: Scorer) -> bool:
    try:
        running.stub.Score(ask("100001"))
    except grpc.RpcError:
        return False
    return True


def _until(holds: Callable[[], bool]) -> None:
    """Return as soon as the condition holds; the rpcs that it makes are the waiting."""
    for _ in range(2000):
        if holds():
            return
    raise AssertionError("the condition never held")
