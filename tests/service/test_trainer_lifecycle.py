"""What a trainer leaves behind when work does not end as it should: nothing that looks finished."""

import json
import time
from dataclasses import replace
from pathlib import Path

from mlflow import MlflowClient

from counterfoil.trainer.v1 import dataset_pb2, training_pb2
from counterfoil.types.v1 import job_pb2
from services.trainer.domain.plan import TrainingPlan
from services.trainer.settings import Settings
from shared.bundle.registry import ModelRegistry
from shared.jobs.store import JobState, JobStore
from shared.settings import environment_of
from tests.bundles import tiny_bundle
from tests.processes import running
from tests.service.trainer import Trainer, elsewhere, running_trainer, settings_in, training_request


def test_a_restarted_trainer_fails_what_was_running_and_withdraws_what_it_had_registered(
    trainer: Trainer, tmp_path: Path
) -> None:
    """The process before was killed between registering and telling, and the job has had all its attempts."""
    settings = replace(elsewhere(trainer.settings, tmp_path), trainer_job_attempts=1)
    job_id, run_id = _half_done(settings, tmp_path)

    with running_trainer(settings) as restarted:
        job = restarted.stub.GetTrainingJob(training_pb2.GetTrainingJobRequest(name=f"trainingJobs/{job_id}"))

    client = MlflowClient(settings.mlflow_uri)
    assert (job.job.state, job.job.error.reason) == (job_pb2.JOB_STATE_FAILED, "INTERRUPTED")
    assert client.get_run(run_id).info.status == "FAILED"
    assert not client.search_model_versions(f"run_id = '{run_id}'")


def test_a_cancelled_training_registers_nothing(trainer: Trainer, dataset: dataset_pb2.Dataset, tmp_path: Path) -> None:
    """Its process is ended within 2 s in the middle of a long search, and its run in MLflow says so."""
    settings = elsewhere(trainer.settings, tmp_path)
    _adopt(trainer.store, settings, dataset.name.removeprefix("datasets/"))
    last, asked = training_pb2.TrainingJob(), 0.0

    with running_trainer(settings) as other:
        name = other.stub.CreateTrainingJob(_endless(dataset.name)).name
        for news in other.stub.WatchTrainingJob(training_pb2.WatchTrainingJobRequest(name=name)):
            last = news.training_job
            if last.run_id and not asked:
                asked = time.monotonic()
                other.stub.CancelTrainingJob(training_pb2.CancelTrainingJobRequest(name=name))
        took_s = time.monotonic() - asked

    client = MlflowClient(settings.mlflow_uri)
    assert last.job.state == job_pb2.JOB_STATE_CANCELLED
    assert took_s < 2.0
    assert not last.model_version
    assert client.get_run(last.run_id).info.status == "KILLED"
    assert not client.search_model_versions(f"run_id = '{last.run_id}'")


def test_a_restarted_trainer_adopts_the_version_that_a_killed_one_had_registered(
    trainer: Trainer, dataset: dataset_pb2.Dataset, training_job: training_pb2.TrainingJob, tmp_path: Path
) -> None:
    """It had not told the job store yet; nothing is trained anew, and no second version appears."""
    settings = elsewhere(trainer.settings, tmp_path)
    _adopt(trainer.store, settings, dataset.name.removeprefix("datasets/"))
    first = trainer.store.get(training_job.name.removeprefix("trainingJobs/"))
    store = JobStore(settings.job_store_url)
    left = store.start(store.create(id=first.id, kind=first.kind, payload=first.payload, caller="test").id)
    untold = json.dumps({**json.loads(first.result or ""), "version": 0})
    store.update_result(left.id, left.attempt, untold)

    with running_trainer(settings) as restarted:
        *_, last = restarted.stub.WatchTrainingJob(training_pb2.WatchTrainingJobRequest(name=training_job.name))

    assert (last.training_job.job.state, last.training_job.job.attempt) == (job_pb2.JOB_STATE_SUCCEEDED, 2)
    assert last.training_job.model_version == training_job.model_version
    assert last.training_job.trials == training_job.trials
    client = MlflowClient(settings.mlflow_uri)
    assert len(client.search_model_versions(f"run_id = '{training_job.run_id}'")) == 1
    assert client.get_run(training_job.run_id).info.status == "FINISHED"


def test_a_stopped_trainer_leaves_what_runs_to_the_next(
    trainer: Trainer, dataset: dataset_pb2.Dataset, tmp_path: Path
) -> None:
    """And ends its process, so that nobody works on for a service that has gone."""
    settings = elsewhere(trainer.settings, tmp_path)
    _adopt(trainer.store, settings, dataset.name.removeprefix("datasets/"))

    with running_trainer(settings) as other:
        name = other.stub.CreateTrainingJob(_endless(dataset.name)).name
        for news in other.stub.WatchTrainingJob(training_pb2.WatchTrainingJobRequest(name=name)):
            if news.training_job.job.state == job_pb2.JOB_STATE_RUNNING:
                break

    job = JobStore(settings.job_store_url).get(name.removeprefix("trainingJobs/"))
    assert (job.state, job.attempt, job.error) == (JobState.QUEUED, 1, None)


def test_the_trainer_starts_as_a_process_and_stops_cleanly(trainer: Trainer, tmp_path: Path) -> None:
    """It answers before MLflow is open, and a SIGTERM ends it with exit code 0."""
    environment = environment_of(elsewhere(trainer.settings, tmp_path)) | {"COUNTERFOIL_LOG_LEVEL": "INFO"}

    with running("trainer", environment, tmp_path) as service:
        code = service.terminate()

    assert code == 0
    assert '"event": "stopped"' in service.log.read_text()


def test_a_trainer_told_to_stop_while_mlflow_is_being_imported_does_not_wait_for_it(tmp_path: Path) -> None:
    """An MLflow whose import never ends stands in for one that takes long."""
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / "__init__.py").write_text("import threading; threading.Event().wait()")
    environment = environment_of(settings_in(tmp_path)) | {"COUNTERFOIL_LOG_LEVEL": "INFO"}

    with running("trainer", environment, tmp_path, imports_first=tmp_path) as service:
        code = service.terminate()

    assert code == 0
    assert '"event": "stopped"' in service.log.read_text()


def _half_done(settings: Settings, folder: Path) -> tuple[str, str]:
    """Leave a RUNNING training behind whose run is open and whose model is registered; return job and run."""
    tiny = tiny_bundle(folder / "tiny", seed=3, model_name="half-done")
    store = JobStore(settings.job_store_url)
    payload = json.dumps(TrainingPlan("ds-half-done", "half-done", "lightgbm").to_json())
    job = store.start(store.create(id="tj-half-done", kind="training", payload=payload, caller="test").id)
    client = MlflowClient(settings.mlflow_uri)
    experiment = client.create_experiment("ds-half-done", artifact_location=(folder / "artifacts").as_uri())
    run_id = client.create_run(experiment, tags={"counterfoil.job": job.id}).info.run_id
    registry = ModelRegistry(settings.mlflow_uri, cache=folder / "cache")
    registry.register_bundle(tiny.folder, model="half-done", run_id=run_id, digest=tiny.digest)
    return job.id, run_id


def _adopt(store: JobStore, settings: Settings, dataset: str) -> None:
    """Let the trainer of these settings know a data set that another one has made."""
    made = store.get(dataset)
    own = JobStore(settings.job_store_url)
    attempt = own.start(own.create(id=made.id, kind=made.kind, payload=made.payload, caller="test").id).attempt
    own.succeed(made.id, attempt, made.result or "")


def _endless(dataset: str) -> training_pb2.CreateTrainingJobRequest:
    request = training_request(dataset)
    del request.grid["n_estimators"].values[:]
    request.grid["n_estimators"].values.add(integer=20_000)
    request.grid["num_leaves"].values.extend(training_pb2.HyperparameterValue(integer=n) for n in range(8, 40))
    return request
