"""Runs end as what they were, and MLflow's absence is told as such."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from services.trainer.adapters.patience import NO_PATIENCE
from services.trainer.adapters.tracking import RunLog, Tracking, open_tracking
from services.trainer.adapters.versions import MlflowVersions, version_tags
from services.trainer.domain.selection import MetricBound, VersionFilter, VersionOrder, VersionQuery, list_page
from services.trainer.domain.threshold import Costs
from services.trainer.domain.versions import AliasMove, VersionRun, etag_of
from shared.bundle.registry import ModelRegistry
from shared.errors import NotFound, Unavailable
from tests.adapters.mlflow_stores import MlflowStore, connected, store_in
from tests.bundles import tiny_bundle

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Interruption(BaseException):
    """What ends a process from within."""


def test_a_run_holds_what_was_logged_and_ends_as_finished(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    """A metric that is no number is left out rather than stored as one."""
    client, tracking = mlflow_store.client, _tracking(mlflow_store)
    (tmp_path / "note.txt").write_text("kept")

    with tracking.run(experiment_id=tracking.experiment("ds-finished"), name="run", job="tj", tags={"k": "v"}) as run:
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
    fetched = tracking.fetch(run.run_id, "notes/note.txt", tmp_path)
    assert fetched.read_text() == "kept"


@pytest.mark.parametrize("failure", [ValueError, Interruption])
def test_a_run_whose_work_breaks_off_ends_as_failed(mlflow_store: MlflowStore, failure: type[BaseException]) -> None:
    """Nobody waits for a run that nobody works on; the failure goes on its way."""
    tracking = _tracking(mlflow_store)
    experiment = tracking.experiment(f"ds-{failure.__name__}")

    with pytest.raises(failure), tracking.run(experiment_id=experiment, name="run", job="tj", tags={}):
        raise failure

    (run,) = mlflow_store.client.search_runs([experiment])
    assert run.info.status == "FAILED"


def test_what_broke_the_work_off_is_told_also_where_mlflow_cannot_be_told(mlflow_store: MlflowStore) -> None:
    """The run is gone by then, so that MLflow refuses to close it."""
    client, tracking = mlflow_store.client, _tracking(mlflow_store)
    experiment = tracking.experiment("ds-run-gone")

    def broken_off() -> None:
        with tracking.run(experiment_id=experiment, name="run", job="tj", tags={}) as run:
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
        _tracking(absent).experiment("ds-1")

    assert refusal.value.reason == "MLFLOW_UNAVAILABLE"


def test_a_job_that_runs_again_goes_on_in_the_run_that_it_had(mlflow_store: MlflowStore) -> None:
    """Also where that was closed meanwhile; other jobs of the experiment have runs of their own."""
    client, tracking = mlflow_store.client, _tracking(mlflow_store)
    experiment = tracking.experiment("ds-again")
    with tracking.run(experiment_id=experiment, name="other", job="tj-other", tags={}):
        pass
    with tracking.run(experiment_id=experiment, name="run", job="tj-1", tags={}) as first:
        first.params({"seed": 7})

    with tracking.run(experiment_id=tracking.experiment("ds-again"), name="run", job="tj-1", tags={}) as again:
        again.params({"seed": 7})
        reopened = client.get_run(again.run_id).info.status

    assert again.run_id == first.run_id
    assert (reopened, client.get_run(again.run_id).info.status) == ("RUNNING", "FINISHED")
    assert len(client.search_runs([experiment])) == 2


def test_a_run_registers_one_version_however_often_it_is_asked_to(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    """A try whose answer was lost, or whose process was killed, counts."""
    versions = _registered(mlflow_store, tmp_path, model="once", count=1)
    tracking = _tracking(mlflow_store)
    experiment = tracking.experiment("ds-once")
    run_id = versions.get("once", "1").run_id
    registered = RunLog(mlflow_store.client, run_id, experiment, NO_PATIENCE)

    with tracking.run(experiment_id=experiment, name="run", job="tj-new", tags={}) as unregistered:
        assert unregistered.version() is None
        assert unregistered.register(lambda: 7) == 7

    assert registered.register(lambda: 7) == 1


def test_all_versions_of_a_model_are_found_newest_first(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    """Each once, each with what it says of itself."""
    versions = _registered(mlflow_store, tmp_path, model="listed", count=3)

    found = versions.of_model("listed")

    assert [version.version for version in found] == [3, 2, 1]
    assert found[0] == versions.get("listed", "3")
    assert (found[0].threshold, found[0].metrics, found[0].dataset) == (0.1 + 0.2, {"cv_auc": 0.7}, "ds-1")


class CountingClient(MlflowClient):
    """A client that counts the versions that it was sent."""

    sent = 0

    def search_model_versions(self, *args: Any, **options: Any) -> Any:
        """Search, and count what was found."""
        found = super().search_model_versions(*args, **options)
        self.sent += len(found)
        return found


def test_a_page_of_versions_reads_no_more_than_it_shows_and_one(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    """However many there are: a lender registers thousands. A range of a metric is looked for in all of them."""
    registered = _registered(mlflow_store, tmp_path, model="paged", count=5)
    registered.write_move(registered.get("paged", "2"), AliasMove("champion", "CN=officer", "", _NOON))
    client = CountingClient(mlflow_store.uri, mlflow_store.uri)
    versions = MlflowVersions(client, ModelRegistry(mlflow_store.uri, cache=tmp_path))

    def read(query: VersionQuery, position: str = "") -> tuple[list[int], int, str]:
        client.sent = 0
        page, following = list_page(versions, query, page_size=2, position=position)
        return [each.version for each in page], client.sent, following

    query = VersionQuery("paged", VersionFilter(classifier="lightgbm", dataset="ds-1"))
    first, first_count, position = read(query)
    second, second_count, position = read(query, position)
    third, third_count, position = read(query, position)

    assert ([*first, *second, *third], position) == ([5, 4, 3, 2, 1], "")
    assert (first_count, second_count, third_count) == (3, 3, 1)
    assert read(VersionQuery("paged", order=VersionOrder(ascending=True)))[:2] == ([1, 2], 3)
    assert read(VersionQuery("paged", VersionFilter(alias="champion")))[:2] == ([2], 1)
    assert read(VersionQuery("paged", VersionFilter(alias="nobody")))[:2] == ([], 0)
    assert read(VersionQuery("paged", VersionFilter(classifier="lightgbm' or name != '")))[:2] == ([], 0)
    ranged = VersionFilter(dataset="ds-1", bounds=(MetricBound("cv_auc", 0.5),))
    assert read(VersionQuery("paged", ranged))[:2] == ([5, 4], 5)
    assert versions.next_of_model("paged", VersionRun(most=1)) == [versions.get("paged", "5")]


def test_moving_an_alias_there_and_back_changes_the_etag_each_time(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    """MLflow itself keeps no count of moves, so we do."""
    versions = _registered(mlflow_store, tmp_path, model="moved", count=2)
    etags = [etag_of(*versions.aliases("moved"))]

    for number in ("1", "2", "1"):
        versions.write_move(versions.get("moved", number), AliasMove("champion", "CN=officer", "", _NOON))
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


def test_each_move_stays_written_on_its_version(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    """Who, why and when, in the order of the moves, also when there are more than nine."""
    versions = _registered(mlflow_store, tmp_path, model="written", count=1)
    given = AliasMove("challenger", "CN=officer", "worth a try", _NOON)
    moves = [replace(given, removed=bool(count % 2), reason=f"move {count}") for count in range(12)]

    for move in moves:
        versions.write_move(versions.get("written", "1"), move)

    found = versions.get("written", "1")
    assert list(found.alias_moves) == moves
    assert found.aliases == ()


def test_versions_of_a_data_set_are_found_in_every_model(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    """With the aliases of their own model."""
    first = _registered(mlflow_store, tmp_path / "1", model="one-model", count=2, dataset="ds-shared")
    second = _registered(mlflow_store, tmp_path / "2", model="other-model", count=1, dataset="ds-shared")
    second.write_move(second.get("other-model", "1"), AliasMove("champion", "CN=officer", "", _NOON))

    found = {(each.model, each.version): each.aliases for each in first.of_dataset("ds-shared")}

    assert found == {("one-model", 1): (), ("one-model", 2): (), ("other-model", 1): ("champion",)}
    assert first.of_dataset("ds-of-nobody") == []


def test_deleted_version_takes_its_bundles_files_with_it(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    """MLflow itself would leave them; the run and other versions stay."""
    versions = _registered(mlflow_store, tmp_path, model="shortened", count=2)
    files = [_files_of(mlflow_store, "shortened", number) for number in (1, 2)]
    run_id = versions.get("shortened", "1").run_id

    versions.delete_version(versions.get("shortened", "1"))

    assert [each.version for each in versions.of_model("shortened")] == [2]
    assert [folder.exists() for folder in files] == [False, True]
    assert mlflow_store.client.get_run(run_id).info.lifecycle_stage == "active"


def test_deleted_data_set_leaves_no_file(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    """Not the splits and not what trainings made of them; again, nothing happens."""
    client = mlflow_store.client
    tracking = _tracking(mlflow_store)
    experiment = tracking.experiment("ds-deleted")
    (tmp_path / "train.parquet").write_text("applicants")
    with tracking.run(experiment_id=experiment, name="run", job="tj", tags={}) as run:
        run.folder(tmp_path, "dataset")
    folder = Path(client.get_experiment(experiment).artifact_location.removeprefix("file://"))
    assert list(folder.rglob("train.parquet"))
    versions = MlflowVersions(client, ModelRegistry(mlflow_store.uri, cache=tmp_path / "cache"))

    for _ in range(2):
        versions.delete_dataset("ds-deleted")
    versions.delete_dataset("ds-that-never-was")

    assert not list(folder.rglob("*.parquet"))
    assert client.get_experiment(experiment).lifecycle_stage == "deleted"


def _files_of(store: MlflowStore, model: str, number: int) -> Path:
    source = str(store.client.get_model_version(model, str(number)).source)
    return Path(
        store.client.get_logged_model(source.removeprefix("models:/")).artifact_location.removeprefix("file://")
    )


def _registered(store: MlflowStore, folder: Path, *, model: str, count: int, dataset: str = "ds-1") -> MlflowVersions:
    """Register one bundle so many times."""
    registry = ModelRegistry(store.uri, cache=folder / "cache")
    bundle = tiny_bundle(folder / "tiny", seed=6, model_name=model)
    run = store.client.create_run(_tracking(store).experiment(f"ds-{model}")).info.run_id
    tags = version_tags(
        classifier="lightgbm",
        dataset=dataset,
        training_job="tj-1",
        threshold=0.1 + 0.2,
        metrics={"cv_auc": 0.7},
        costs=Costs(),
        scored={},
    )
    for _ in range(count):
        registry.register_bundle(bundle.folder, model=model, run_id=run, digest=bundle.digest, tags=tags)
    return MlflowVersions(store.client, registry)


def _tracking(store: MlflowStore) -> Tracking:
    return open_tracking(store.uri, store.artifacts, NO_PATIENCE)
