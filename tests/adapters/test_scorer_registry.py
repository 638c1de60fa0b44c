"""What the scorer asks of a registry: the fake that its tests use keeps the promises of the real one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from services.scorer.adapters.loading import Loader, Registry
from shared.bundle.registry import ModelRegistry
from shared.errors import CounterfoilError
from shared.mlflow_store import prepare
from tests.bundles import MODEL, TinyBundle, tiny_bundle
from tests.clock import Clock
from tests.fakes import FakeRegistry

Promote = Callable[[TinyBundle], int]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return a tiny bundle."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=10)


@pytest.fixture(scope="module")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the URI of an MLflow of this module's own."""
    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    prepare(uri, folder / "artifacts")
    return uri


@pytest.fixture(params=["fake", "mlflow"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Registry, Promote]:
    """Return a registry, and what registers a bundle there and lets it serve."""
    if request.param == "fake":
        fake = FakeRegistry()
        return fake, lambda bundle: fake.register(bundle, alias="champion")
    uri: str = request.getfixturevalue("mlflow_uri")
    real = ModelRegistry(uri, cache=tmp_path / "cache")
    return real, lambda bundle: _promoted(uri, real, bundle)


def _promoted(uri: str, registry: ModelRegistry, bundle: TinyBundle) -> int:
    from mlflow.client import MlflowClient

    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    run = client.create_run(client.create_experiment(bundle.contents.dataset.id))
    model = bundle.contents.model_name
    version = registry.register_bundle(bundle.folder, model=model, run_id=run.info.run_id, digest=bundle.digest)
    client.set_registered_model_alias(model, "champion", str(version))
    return version


def test_no_model_no_alias_and_a_champion(registry: tuple[Registry, Promote], tiny: TinyBundle, tmp_path: Path) -> None:
    """Without a model the scorer says NO_CHAMPION and the command; with a champion it loads exactly that bundle."""
    source, promote = registry
    loader = Loader(source, MODEL, "champion", tmp_path / "state", Clock())
    with pytest.raises(CounterfoilError) as no_model:
        loader.load()

    version = promote(tiny)
    with pytest.raises(CounterfoilError) as no_alias:
        Loader(source, MODEL, "challenger", tmp_path / "state", Clock()).load()
    served = loader.load()

    assert [error.value.reason for error in (no_model, no_alias)] == ["NO_CHAMPION"] * 2
    assert all(f"counterfoil model promote {MODEL}/" in error.value.message for error in (no_model, no_alias))
    assert served.model_version == f"models/{MODEL}/versions/{version}"
    assert served.bundle.digest == tiny.digest
    assert served.load_time == Clock().now
