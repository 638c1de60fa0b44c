"""The registry on a real MLflow: what was registered is found, fetched and checked, and every failure has its name."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from mlflow.entities import LoggedModel

from services.trainer.adapters.versions import open_versions
from shared.bundle.dataset import StandIn
from shared.bundle.manifest import BundleRejected
from shared.bundle.reading import load_bundle
from shared.bundle.registry import DIGEST_TAG, PROMOTED_TAG, ModelRegistry
from shared.bundle.writing import DatasetReference
from shared.errors import CounterfoilError, NotFound, Precondition, Unavailable
from tests.adapters.mlflow_stores import MlflowStore, connected
from tests.bundles import TinyBundle, tiny_bundle
from tests.processes import ROOT

MODEL = "credit-default"
TRAINER_ONLY = ["services.trainer", "shap", "evidently", "sklearn"]


@dataclass(frozen=True)
class Registered:
    """A bundle in MLflow: its data set's experiment and run, and a registered version with the alias champion."""

    bundle: TinyBundle
    dataset: DatasetReference
    run_id: str
    version: int


@pytest.fixture(scope="module")
def registered(mlflow_store: MlflowStore, tmp_path_factory: pytest.TempPathFactory) -> Registered:
    """Return a bundle that was registered as the trainer does; tests leave it as it is."""
    bundle, client = tiny_bundle(tmp_path_factory.mktemp("registered"), seed=5), mlflow_store.client
    experiment = client.create_experiment(bundle.contents.dataset.id)
    run_id = client.create_run(experiment).info.run_id
    for path in bundle.splits.values():
        client.log_artifact(run_id, str(path), "dataset")
    registry = ModelRegistry(mlflow_store.uri, cache=tmp_path_factory.mktemp("unused"))
    version = registry.register_bundle(
        bundle.folder, model=MODEL, run_id=run_id, digest=bundle.digest, tags={"counterfoil.attempt": "1"}
    )
    client.set_registered_model_alias(MODEL, "champion", str(version))
    dataset = replace(bundle.contents.dataset, experiment_id=experiment, run_id=run_id)
    return Registered(bundle, dataset, run_id, version)


@pytest.fixture
def registry(mlflow_store: MlflowStore, tmp_path: Path) -> ModelRegistry:
    """Return a registry with an empty cache."""
    return ModelRegistry(mlflow_store.uri, cache=tmp_path / "cache")


def _run_of(store: MlflowStore, name: str) -> str:
    return str(store.client.create_run(store.client.create_experiment(name)).info.run_id)


def _logged(store: MlflowStore, model: str, version: int) -> LoggedModel:
    source = store.client.get_model_version(model, str(version)).source
    return store.client.get_logged_model(str(source).removeprefix("models:/"))


def test_promotion_is_told_by_when_the_trainer_last_wrote_one_down(
    registry: ModelRegistry, registered: Registered, mlflow_store: MlflowStore
) -> None:
    """The newest of all aliases' moves; an alias that was set past the trainer says nothing of when."""
    number = str(registered.version)
    before = registry.promoted_at(MODEL, number)
    for move, (alias, day) in enumerate({"challenger": 3, "champion": 5, "other": 4}.items()):
        record = json.dumps({"approver": "CN=risk", "reason": "", "time": f"2026-03-0{day}T12:00:00+00:00"})
        mlflow_store.client.set_model_version_tag(MODEL, number, f"{PROMOTED_TAG}{alias}.{move}", record)

    promoted = registry.promoted_at(MODEL, number)

    assert before is None
    assert promoted == datetime(2026, 3, 5, 12, tzinfo=UTC)
    with pytest.raises(NotFound, match="77"):
        registry.promoted_at(MODEL, "77")


@pytest.mark.parametrize("asked", ["champion", "1", "01"])
def test_version_is_found_by_alias_and_by_number(registry: ModelRegistry, registered: Registered, asked: str) -> None:
    """The digest comes with it: what is fetched later must be that bundle."""
    found = registry.resolve(MODEL, asked)

    assert found.name == f"models/{MODEL}/versions/{registered.version}"
    assert (found.run_id, found.bundle_digest) == (registered.run_id, registered.bundle.digest)


def test_fetched_bundle_is_the_registered_one(registry: ModelRegistry, registered: Registered, tmp_path: Path) -> None:
    """To the last bit, and in our own folder, not in MLflow's."""
    version = registry.resolve(MODEL, "champion")

    folder = registry.fetch_bundle(version)

    values = registered.bundle.values
    expected = load_bundle(registered.bundle.folder).score(values)
    scores = load_bundle(folder, digest=version.bundle_digest).score(values)
    assert folder.parent == tmp_path / "cache"
    assert scores.probabilities.tobytes() == expected.probabilities.tobytes()
    assert scores.contributions.tobytes() == expected.contributions.tobytes()


def test_model_is_logged_to_the_run_and_its_experiment(mlflow_store: MlflowStore, registered: Registered) -> None:
    """All of a data set's models are found in its experiment, and nothing of theirs is a pickle."""
    version = mlflow_store.client.get_model_version(MODEL, str(registered.version))
    logged = _logged(mlflow_store, MODEL, registered.version)

    files = [path for path in mlflow_store.artifacts.rglob("*") if path.is_file()]

    # Other tests of this module promote it.
    tags = {name: value for name, value in version.tags.items() if not name.startswith(PROMOTED_TAG)}
    assert tags == {DIGEST_TAG: registered.bundle.digest, "counterfoil.attempt": "1"}
    assert (logged.experiment_id, logged.source_run_id) == (registered.dataset.experiment_id, registered.run_id)
    assert logged.artifact_location.startswith(mlflow_store.artifacts.resolve().as_uri())
    assert [path.name for path in files if path.suffix in {".pkl", ".pickle", ".joblib"}] == []


def test_registering_again_makes_the_next_version(
    mlflow_store: MlflowStore, registry: ModelRegistry, tmp_path: Path
) -> None:
    """Of the same registered model, while the first stays what it was."""
    run_id, first, second = (
        _run_of(mlflow_store, "again"),
        tiny_bundle(tmp_path / "1", 1),
        tiny_bundle(tmp_path / "2", 2),
    )

    versions = [
        registry.register_bundle(one.folder, model="again", run_id=run_id, digest=one.digest) for one in (first, second)
    ]

    assert versions == [1, 2]
    assert registry.resolve("again", "1").bundle_digest == first.digest
    assert registry.resolve("again", "2").bundle_digest == second.digest


def test_folder_that_is_not_the_sealed_bundle_is_not_registered(
    mlflow_store: MlflowStore, registry: ModelRegistry, tmp_path: Path
) -> None:
    """Nothing is left in MLflow by the attempt."""
    bundle = tiny_bundle(tmp_path / "spoilt", 1)
    (bundle.folder / "model.txt").write_text("other")

    with pytest.raises(BundleRejected):
        registry.register_bundle(
            bundle.folder, model="spoilt", run_id=_run_of(mlflow_store, "spoilt"), digest=bundle.digest
        )

    with pytest.raises(NotFound):
        registry.resolve("spoilt", "1")


@pytest.mark.parametrize(
    ("model", "asked", "expected"),
    [
        ("nobody", "champion", (NotFound, "MODEL_NOT_FOUND")),
        ("not/a:name", "1", (NotFound, "MODEL_NOT_FOUND")),
        ("", "1", (NotFound, "MODEL_NOT_FOUND")),
        (MODEL, "99", (NotFound, "MODEL_VERSION_NOT_FOUND")),
        (MODEL, "challenger", (Precondition, "NO_CHAMPION")),
        (MODEL, "latest", (Precondition, "NO_CHAMPION")),
        (MODEL, "", (Precondition, "NO_CHAMPION")),
    ],
)
def test_what_is_not_registered_has_an_error_of_its_own(
    registry: ModelRegistry,
    registered: Registered,  # noqa: ARG001  # the model must be there
    model: str,
    asked: str,
    expected: tuple[type[CounterfoilError], str],
) -> None:
    """And a message that says what to do."""
    with pytest.raises(CounterfoilError) as refused:
        registry.resolve(model, asked)

    assert (type(refused.value), refused.value.reason) == expected
    assert "`counterfoil model" in refused.value.message


def test_missing_champion_is_answered_with_the_command_that_makes_one(
    registry: ModelRegistry,
    registered: Registered,  # noqa: ARG001  # the model must be there
) -> None:
    """The operator copies it."""
    with pytest.raises(Precondition) as refused:
        registry.resolve(MODEL, "challenger")

    assert f"`counterfoil model promote {MODEL}/VERSION`" in refused.value.message


def test_version_that_someone_else_registered_is_refused(
    mlflow_store: MlflowStore, registry: ModelRegistry, tmp_path: Path
) -> None:
    """Without a digest nothing could be checked."""
    mlflow_store.client.create_registered_model("foreign")
    mlflow_store.client.create_model_version("foreign", tmp_path.as_uri())

    with pytest.raises(BundleRejected, match="nothing of its digest"):
        registry.resolve("foreign", "1")


def test_bundle_that_was_changed_in_mlflow_is_refused(
    mlflow_store: MlflowStore, registry: ModelRegistry, tmp_path: Path
) -> None:
    """Or deleted there; neither serves."""
    bundle = tiny_bundle(tmp_path / "changed", 3)
    registry.register_bundle(
        bundle.folder, model="changed", run_id=_run_of(mlflow_store, "changed"), digest=bundle.digest
    )
    version = registry.resolve("changed", "1")
    location = _logged(mlflow_store, "changed", 1).artifact_location
    stored = Path(location.removeprefix("file://")) / "data" / "bundle"

    (stored / "model.txt").write_text("other trees")
    with pytest.raises(BundleRejected, match="changed after it was sealed"):
        registry.fetch_bundle(version)
    shutil.rmtree(stored.parent)
    with pytest.raises(BundleRejected, match="gone from MLflow"):
        registry.fetch_bundle(version)


def test_registry_reads_its_own_mlflow_whatever_the_process_is_connected_to(
    registry: ModelRegistry, registered: Registered, tmp_path: Path
) -> None:
    """The scorer never connects; MLflow's default is a database in the working directory."""
    with connected(MlflowStore("http://127.0.0.1:9", tmp_path / "elsewhere")):
        version = registry.resolve(MODEL, "champion")
        folder = registry.fetch_bundle(version)
        split = registry.fetch_split(registered.dataset, "test")

    assert load_bundle(folder, digest=version.bundle_digest).digest == registered.bundle.digest
    assert split.read_bytes() == registered.bundle.splits["test"].read_bytes()


@pytest.mark.parametrize("split", ["train", "test", "production"])
def test_fetched_split_is_the_file_that_the_trainer_logged(
    registry: ModelRegistry, registered: Registered, split: str
) -> None:
    """Byte by byte."""
    path = registry.fetch_split(registered.dataset, split)

    assert path.read_bytes() == registered.bundle.splits[split].read_bytes()


def test_what_the_trainer_lets_stand_in_is_found_by_scorers(
    mlflow_store: MlflowStore, registry: ModelRegistry, registered: Registered, tmp_path: Path
) -> None:
    """The whole reference, so that the splits can be fetched and checked; naming another replaces it."""
    versions = open_versions(mlflow_store.uri, mlflow_store.artifacts, tmp_path / "trainer")
    before = registry.stand_in(MODEL)
    newer = replace(registered.dataset, id="ds-newer")

    for dataset in (registered.dataset, newer):
        versions.write_stand_in(MODEL, StandIn("ds-old", dataset))

    assert before is None
    assert registry.stand_in(MODEL) == StandIn("ds-old", newer)
    assert versions.stand_ins() == {MODEL: StandIn("ds-old", newer)}
    with pytest.raises(NotFound):
        registry.stand_in("mortgages")


def test_split_that_differs_is_refused(registry: ModelRegistry, registered: Registered) -> None:
    """The bundle's digest counts, not what MLflow holds."""
    splits = registered.dataset.splits
    swapped = replace(registered.dataset, splits={"train": replace(splits["train"], artifact="dataset/test.parquet")})

    with pytest.raises(Precondition) as refused:
        registry.fetch_split(swapped, "train")

    assert refused.value.reason == "SPLIT_REJECTED"


def test_split_that_is_gone_is_told_from_one_that_never_was(registry: ModelRegistry, registered: Registered) -> None:
    """Create the data set again, or ask for another split."""
    splits = registered.dataset.splits
    moved = replace(registered.dataset, splits={"train": replace(splits["train"], artifact="dataset/none.parquet")})

    with pytest.raises(Precondition, match="gone from MLflow"):
        registry.fetch_split(moved, "train")
    with pytest.raises(NotFound, match="only train, test, production"):
        registry.fetch_split(registered.dataset, "validation")


def test_threads_that_need_mlflow_at_once_all_get_it(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    """The first rpc of a new process comes while another thread imports MLflow, whose modules form circles."""
    program = [sys.executable, str(Path(__file__).with_name("importing_program.py")), mlflow_store.uri, str(tmp_path)]

    done = subprocess.run(
        program, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False, timeout=120
    )

    assert done.stdout.split() == ["NotFound"] * 3, done.stderr


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "sqlite:////proc/nowhere/mlflow.db"])
def test_mlflow_that_does_not_answer_is_unavailable(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller may try again; no address or path is told."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    with pytest.raises(Unavailable) as refused:
        ModelRegistry(uri, cache=tmp_path).resolve(MODEL, "champion")

    assert refused.value.reason == "MLFLOW_UNAVAILABLE"
    assert uri.partition("://")[2] not in refused.value.message


def test_mlflow_loads_the_version_without_the_trainer_and_without_pickle(
    mlflow_store: MlflowStore, registered: Registered, tmp_path: Path
) -> None:
    """`mlflow.pyfunc.load_model` in a process where pickles are off and the trainer's libraries cannot be imported."""
    values = registered.bundle.values[:20]
    np.save(tmp_path / "rows.npy", values)
    program = Path(__file__).with_name("pyfunc_program.py")
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    command = [sys.executable, str(program), mlflow_store.uri, f"models:/{MODEL}@champion", str(tmp_path / "rows.npy")]

    done = subprocess.run(
        [*command, *TRAINER_ONLY], env=variables, capture_output=True, text=True, check=False, timeout=120
    )

    assert done.returncode == 0, done.stderr
    expected = load_bundle(registered.bundle.folder).score(values).probabilities
    assert done.stdout.split() == [float(probability).hex() for probability in expected] * 2
