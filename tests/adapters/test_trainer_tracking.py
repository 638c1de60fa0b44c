"""Runs end as what they were, and MLflow's absence is told as such."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.trainer.adapters.tracking import create_experiment, fetch_artifact, open_run, open_tracking
from services.trainer.adapters.versions import MlflowVersions, version_tags
from services.trainer.domain.governance import Promotion, etag_of, promote
from shared.bundle.registry import ModelRegistry
from shared.errors import NotFound, Unavailable
from tests.adapters.mlflow_stores import MlflowStore, connected, store_in
from tests.bundles import tiny_bundle

pytestmark = pytest.mark.xdist_group("mlflow")


class Interruption(BaseException):
    """What ends a process from within."""


def test_a_run_holds_what_was_logged_and_ends_as_finished(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    """A metric that is no number is left out rather than stored as one."""
    client = mlflow_store.client
    (tmp_path / "note.txt").write_text("kept")

    with open_run(client, experiment_id=create_experiment(client, "ds-finished"), name="run", tags={"k": "v"}) as run:
        run.params({"seed": 7})
        run.metrics({"auc": 0.75, "undefined": float("nan")})
        run.folder(tmp_path, "notes")
        run.split("ds-train", context="training", digest="ab" * 32, source="datasets/ds")

    stored = client.get_run(run.run_id)
    assert stored.info.status == "FINISHED"
    assert (stored.data.params, stored.data.metrics) == ({"seed": "7"}, {"auc": 0.75})
    assert stored.data.tags["k"] == "v"
    assert stored.inputs is not None
    (given,) = stored.inputs.dataset_inputs
    assert {tag.key: tag.value for tag in given.tags}["sha256"] == "ab" * 32
    fetched = fetch_artifact(client, run.run_id, "notes/note.txt", tmp_path)
    assert fetched.read_text() == "kept"


@pytest.mark.parametrize("failure", [ValueError, Interruption])
def test_a_run_whose_work_breaks_off_ends_as_failed(mlflow_store: MlflowStore, failure: type[BaseException]) -> None:
    """Nobody waits for a run that nobody works on; the failure goes on its way."""
    client = mlflow_store.client
    experiment = create_experiment(client, f"ds-{failure.__name__}")

    with pytest.raises(failure), open_run(client, experiment_id=experiment, name="run", tags={}):
        raise failure

    (run,) = client.search_runs([experiment])
    assert run.info.status == "FAILED"


def test_what_broke_the_work_off_is_told_also_where_mlflow_cannot_be_told(mlflow_store: MlflowStore) -> None:
    """The run is gone by then, so that MLflow refuses to close it."""
    client = mlflow_store.client
    experiment = create_experiment(client, "ds-run-gone")

    def broken_off() -> None:
        with open_run(client, experiment_id=experiment, name="run", tags={}) as run:
            client.delete_run(run.run_id)
            raise ValueError("the cause")

    with pytest.raises(ValueError, match="the cause"):
        broken_off()

    assert not client.search_runs([experiment])


def test_mlflow_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    """With the setting to look at in the message."""
    (tmp_path / "file").write_text("no folder")
    absent = store_in(tmp_path / "file")

    with connected(absent), pytest.raises(Unavailable, match="COUNTERFOIL_MLFLOW_URI") as refusal:
        create_experiment(open_tracking(absent.uri, absent.artifacts), "ds-1")

    assert refusal.value.reason == "MLFLOW_UNAVAILABLE"


def test_all_versions_of_a_model_are_found_newest_first(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    """Each once, each with what it says of itself."""
    versions = _registered(mlflow_store, tmp_path, model="listed", count=3)

    found = versions.of_model("listed")

    assert [version.version for version in found] == [3, 2, 1]
    assert found[0] == versions.get("listed", "3")
    assert (found[0].threshold, found[0].metrics, found[0].dataset) == (0.1 + 0.2, {"cv_auc": 0.7}, "ds-1")


def test_moving_an_alias_there_and_back_changes_the_etag_each_time(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    """MLflow itself keeps no count of moves, so we do."""
    versions = _registered(mlflow_store, tmp_path, model="moved", count=2)
    etags = [etag_of(*versions.aliases("moved"))]

    for version in (1, 2, 1):
        promote(versions, Promotion("moved", version, "champion", etags[-1], "", "CN=officer"), _noon)
        etags.append(versions.get("moved", "champion").etag)

    assert len(set(etags)) == 4
    assert versions.get("moved", "champion").version == 1


def test_an_unknown_model_is_not_found(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    """In every way of asking."""
    versions = MlflowVersions(mlflow_store.client, ModelRegistry(mlflow_store.uri, cache=tmp_path))

    for ask in (
        lambda: versions.get("nobody", "1"),
        lambda: versions.of_model("nobody"),
        lambda: versions.aliases("nobody"),
    ):
        with pytest.raises(NotFound) as refusal:
            ask()
        assert refusal.value.reason == "MODEL_NOT_FOUND"


def test_clearing_up_an_experiment_that_never_was_does_nothing(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    """A job may end before it reached MLflow."""
    versions = MlflowVersions(mlflow_store.client, ModelRegistry(mlflow_store.uri, cache=tmp_path))

    versions.clear_up("ds-never", "tj-never", cancelled=True)

    assert mlflow_store.client.get_experiment_by_name("ds-never") is None


def _registered(store: MlflowStore, folder: Path, *, model: str, count: int) -> MlflowVersions:
    """Register one bundle so many times."""
    registry = ModelRegistry(store.uri, cache=folder / "cache")
    bundle = tiny_bundle(folder / "tiny", seed=6, model_name=model)
    run = store.client.create_run(create_experiment(store.client, f"ds-{model}")).info.run_id
    tags = version_tags(
        classifier="lightgbm", dataset="ds-1", training_job="tj-1", threshold=0.1 + 0.2, metrics={"cv_auc": 0.7}
    )
    for _ in range(count):
        registry.register_bundle(bundle.folder, model=model, run_id=run, digest=bundle.digest, tags=tags)
    return MlflowVersions(store.client, registry)


def _noon() -> datetime:
    return datetime(2026, 1, 1, 12, tzinfo=UTC)
