"""What the scorer asks of a registry: the fake that its tests use keeps the promises of the real one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mlflow.client import MlflowClient
from numpy.testing import assert_array_equal

from counterfoil.client.channels import open_channel
from counterfoil.scorer.v1 import scorer_pb2_grpc
from services.scorer.adapters.last_served import recall
from services.scorer.adapters.loading import Loader, Registry
from services.scorer.app import SERVICE_NAME
from shared.bundle.linear_model import LinearModel
from shared.bundle.projected_model import ProjectedModel
from shared.bundle.projection import Projection
from shared.bundle.registry import ModelRegistry
from shared.bundle.writing import write_bundle
from shared.errors import CounterfoilError, Unavailable
from shared.mlflow_store import prepare
from tests.bundles import MODEL, TinyBundle, tiny_bundle
from tests.clock import Clock
from tests.fakes import FakeRegistry
from tests.processes import free_port, running, wait_until_serving
from tests.service.scoring import ask

Promote = Callable[[Path], tuple[TinyBundle, int]]


@pytest.fixture(scope="module")
def mlflow_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an MLflow of this module's own, with mlflow.db and artifacts."""
    folder = tmp_path_factory.mktemp("mlflow")
    prepare(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")
    return folder


@pytest.fixture(params=["fake", "mlflow"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Registry, Promote]:
    """Return a registry, and what trains a tiny champion into it."""
    if request.param == "fake":
        return _fake()
    uri = f"sqlite:///{request.getfixturevalue('mlflow_folder') / 'mlflow.db'}"
    real = ModelRegistry(uri, cache=tmp_path / "cache")
    return real, lambda folder: promote_in_mlflow(uri, real, folder)


def _fake() -> tuple[Registry, Promote]:
    fake = FakeRegistry()

    def promote(folder: Path) -> tuple[TinyBundle, int]:
        """Register a tiny bundle in the fake."""
        bundle = tiny_bundle(folder, seed=10)
        return bundle, fake.register(bundle, alias="champion")

    return fake, promote


def promote_in_mlflow(uri: str, registry: ModelRegistry, folder: Path) -> tuple[TinyBundle, int]:
    """Log a data set and its bundle as the trainer does, and let the bundle serve."""
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment_id = client.create_experiment(folder.name)
    run_id = client.create_run(experiment_id).info.run_id
    bundle = tiny_bundle(folder, seed=10, experiment_id=experiment_id, run_id=run_id)
    for path in bundle.splits.values():
        client.log_artifact(run_id, str(path), "dataset")
    version = registry.register_bundle(bundle.folder, model=MODEL, run_id=run_id, digest=bundle.digest)
    client.set_registered_model_alias(MODEL, "champion", str(version))
    return bundle, version


def test_no_model_no_alias_and_a_champion(registry: tuple[Registry, Promote], tmp_path: Path) -> None:
    """Without a champion: NO_CHAMPION and the command; with one, exactly that bundle, its applicants included."""
    source, promote = registry
    loader = Loader(source, MODEL, "champion", tmp_path / "state", Clock())
    with pytest.raises(CounterfoilError) as no_model:
        loader.load()

    bundle, version = promote(tmp_path / "fake-or-real")
    with pytest.raises(CounterfoilError) as no_alias:
        Loader(source, MODEL, "challenger", tmp_path / "state", Clock()).load()
    served = loader.load()

    assert [error.value.reason for error in (no_model, no_alias)] == ["NO_CHAMPION"] * 2
    assert all(f"counterfoil model promote {MODEL}/" in error.value.message for error in (no_model, no_alias))
    assert served.model_version == f"models/{MODEL}/versions/{version}"
    assert served.bundle.digest == bundle.digest
    assert served.load_time == Clock().now
    for place in (0, 700, 999):
        assert_array_equal(served.applicants.find(bundle.applicant_ids[place]).values, bundle.values[place])


def test_a_model_without_exact_reasons_is_not_served(tmp_path: Path) -> None:
    """Whoever moved the alias past the trainer, by MLflow's own means."""
    tiny = tiny_bundle(tmp_path / "tiny", seed=10)
    projection = Projection(np.zeros(6), np.ones(6), np.eye(6))
    model = ProjectedModel(projection, LinearModel(np.ones(6), 0.0, np.zeros(6), np.ones(6)))
    contents = replace(tiny.contents, model=model, golden_values=np.zeros((1, 6)))
    folder = tmp_path / "projected"
    fake = FakeRegistry()
    fake.register(replace(tiny, folder=folder, digest=write_bundle(folder, contents)), alias="champion")

    with pytest.raises(CounterfoilError) as refusal:
        Loader(fake, MODEL, "champion", tmp_path / "state", Clock()).load()

    assert refusal.value.reason == "REASONS_NOT_EXACT"


def test_a_version_that_uses_a_barred_column_is_not_served(tmp_path: Path) -> None:
    """Whatever the trainer let through; a column that it does not use bars nothing."""
    fake = FakeRegistry()
    fake.register(tiny_bundle(tmp_path / "tiny", seed=10), alias="champion")
    loader = Loader(fake, MODEL, "champion", tmp_path / "state", Clock())

    with pytest.raises(CounterfoilError) as by_name:
        replace(loader, barred=("DAYS_BIRTH", "CODE_GENDER")).load()
    with pytest.raises(CounterfoilError) as by_table:
        replace(loader, barred=("bureau.DAYS_CREDIT",)).load()

    assert (by_name.value.reason, by_name.value.metadata) == ("COLUMN_BARRED", {"feature": "CODE_GENDER"})
    assert by_table.value.metadata == {"feature": "BURO_DAYS_CREDIT_MEAN"}
    assert replace(loader, barred=("DAYS_BIRTH", "bureau.CREDIT_TYPE")).load().version == "1"


def test_without_mlflow_the_version_loaded_last_comes_from_the_cache(mlflow_folder: Path, tmp_path: Path) -> None:
    """Bundle and splits, verified again; another alias, and a cache that was damaged, have no last version."""
    uri = f"sqlite:///{mlflow_folder / 'mlflow.db'}"
    bundle, version = promote_in_mlflow(uri, ModelRegistry(uri, cache=tmp_path / "seed"), tmp_path / "last")
    Loader(ModelRegistry(uri, cache=tmp_path), MODEL, "champion", tmp_path, Clock()).load()
    unreachable = ModelRegistry(f"http://127.0.0.1:{free_port()}", cache=tmp_path)
    loader = Loader(unreachable, MODEL, "champion", tmp_path, Clock())

    served = loader.load_last()
    with pytest.raises(Unavailable) as other_alias:
        Loader(unreachable, MODEL, "challenger", tmp_path, Clock()).load_last()
    (tmp_path / bundle.digest / "model.txt").write_text("damaged")
    with pytest.raises(Unavailable) as damaged:
        loader.load_last()

    assert (served.bundle.digest, served.version) == (bundle.digest, str(version))
    assert_array_equal(served.applicants.find(bundle.applicant_ids[5]).values, bundle.values[5])
    assert [error.value.reason for error in (other_alias, damaged)] == ["NO_LAST_VERSION", "MLFLOW_UNAVAILABLE"]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"alias": "champion", "model": "credit-default"}'])
def test_a_note_that_cannot_be_read_names_no_version(tmp_path: Path, content: str) -> None:
    """As after a power cut; the scorer then waits for MLflow."""
    (tmp_path / "last-served.json").write_text(content)

    with pytest.raises(Unavailable) as caught:
        recall(tmp_path / "last-served.json", MODEL, "champion")

    assert caught.value.reason == "NO_LAST_VERSION"


def test_the_process_serves_a_champion_out_of_mlflow(mlflow_folder: Path, tmp_path: Path) -> None:
    """By applicant and by alias, in a process that leaves the heavy libraries out."""
    uri = f"sqlite:///{mlflow_folder / 'mlflow.db'}"
    bundle, version = promote_in_mlflow(uri, ModelRegistry(uri, cache=tmp_path / "cache"), tmp_path / "process")
    variables = {
        "COUNTERFOIL_MLFLOW_URI": uri,
        "COUNTERFOIL_MLFLOW_ARTIFACTS": str(mlflow_folder / "artifacts"),
        "COUNTERFOIL_STATE_DIR": str(tmp_path / "state"),
    }

    with running("scorer", variables, tmp_path) as process, open_channel(process.address) as channel:
        wait_until_serving(process.address, SERVICE_NAME)
        score = scorer_pb2_grpc.ScorerServiceStub(channel).Score(ask(bundle.applicant_ids[800]))

    assert score.model_version == f"models/{MODEL}/versions/{version}"
    assert score.margin == bundle.contents.model.margins(bundle.values[800:801])[0]
