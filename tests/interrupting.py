"""A trainer killed in the middle of tuning jobs, and the account of what becomes of them."""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mlflow import MlflowClient

from counterfoil.client.channels import open_channel
from counterfoil.trainer.v1 import dataset_pb2, training_pb2
from counterfoil.trainer.v1.trainer_pb2_grpc import TrainerServiceStub
from counterfoil.types.v1 import job_pb2
from services.trainer.settings import Settings
from shared.bundle.reading import load_bundle
from shared.bundle.registry import ModelRegistry
from shared.mlflow_store import prepare
from shared.settings import environment_of
from tests.adapters.mlflow_stores import MlflowStore, connected
from tests.processes import ServiceProcess, free_port, start_service
from tests.service.trainer import TABLES, dataset_request, settings_in
from tests.synthetic_tables import write_tables

_TIMEOUT_S = 240.0
_POLL_S = 0.1


@dataclass(frozen=True)
class Outcome:
    """What a training came to: the model's files, and all that was decided with it; trials without their seconds."""

    files: Mapping[str, bytes]
    threshold: float
    metrics: Mapping[str, float]
    trials: tuple[str, ...]


class Workplace:
    """A trainer in a process of its own at a fixed address, which can be killed and started again."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = replace(settings, trainer_address=f"127.0.0.1:{free_port()}")
        self._folder = folder
        self._service: ServiceProcess = self._start()

    def kill(self) -> None:
        """End the trainer by SIGKILL and start it again."""
        self._service.kill()
        self._service = self._start()

    def close(self) -> None:
        """End the trainer whatever it does."""
        if self._service.process.poll() is None:
            self._service.kill()

    @contextmanager
    def stub(self) -> Iterator[TrainerServiceStub]:
        """Give a stub for the length of a block."""
        with open_channel(self.settings.trainer_address) as channel:
            yield TrainerServiceStub(channel)

    def make_dataset(self) -> str:
        """Return the name of a new data set."""
        with self.stub() as stub:
            name = stub.CreateDataset(dataset_request()).name
            *_, last = stub.WatchDataset(dataset_pb2.WatchDatasetRequest(name=name))
        assert last.dataset.digest, last.dataset.job
        return str(name)

    def begin(self, dataset: str) -> str:
        """Begin a search by TPE and return the job's name."""
        request = training_pb2.CreateTrainingJobRequest(dataset=dataset, classifier="lightgbm", folds=3)
        request.grid["num_leaves"].range.MergeFrom(training_pb2.HyperparameterRange(minimum=2, maximum=16))
        request.grid["n_estimators"].values.add(integer=120)
        request.search.MergeFrom(training_pb2.Search(method=training_pb2.SEARCH_METHOD_TPE, max_trials=12))
        with self.stub() as stub:
            return str(stub.CreateTrainingJob(request).name)

    def job(self, name: str) -> training_pb2.TrainingJob:
        """Return a training job as it is now."""
        with self.stub() as stub:
            job: training_pb2.TrainingJob = stub.GetTrainingJob(training_pb2.GetTrainingJobRequest(name=name))
        return job

    def ended(self, name: str) -> training_pb2.TrainingJob:
        """Return a training job once it has ended."""
        deadline = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < deadline:
            job = self.job(name)
            if job.job.state not in (job_pb2.JOB_STATE_QUEUED, job_pb2.JOB_STATE_RUNNING):
                return job
            time.sleep(_POLL_S)
        raise AssertionError(f"{name} did not end: {job}")

    def outcome(self, job: training_pb2.TrainingJob) -> Outcome:
        """Return what a job that has succeeded came to; its run has registered this one version and is closed."""
        client = MlflowClient(self.settings.mlflow_uri, self.settings.mlflow_uri)
        assert len(client.search_model_versions(f"run_id = '{job.run_id}'")) == 1
        assert client.get_run(job.run_id).info.status == "FINISHED"
        registry = ModelRegistry(self.settings.mlflow_uri, cache=self._folder / "cache")
        version = registry.resolve(job.model, job.model_version.rpartition("/")[2])
        bundle = load_bundle(registry.fetch_bundle(version), digest=version.bundle_digest)
        assert bundle.training_job == job.name
        trials = []
        for trial in job.trials:
            trial.ClearField("training_seconds")
            trials.append(str(trial))
        return Outcome(bundle.model.files(), job.threshold, dict(job.metrics), tuple(trials))

    def _start(self) -> ServiceProcess:
        environment = environment_of(self.settings)
        return start_service("trainer", self.settings.trainer_address, environment, self._folder / "trainer.log")


@contextmanager
def embedded_workplace(folder: Path) -> Iterator[Workplace]:
    """Give a trainer on small tables, with SQLite for all that it keeps, for the length of a block."""
    settings = replace(settings_in(folder), log_level="INFO")
    write_tables(settings.tables_root / TABLES)
    with connected(MlflowStore(settings.mlflow_uri, settings.mlflow_artifacts)):
        prepare(settings.mlflow_uri, settings.mlflow_artifacts)
        workplace = Workplace(settings, folder)
        try:
            yield workplace
        finally:
            workplace.close()


def kill_while_tuning(workplace: Workplace, *, kills: int, seed: int) -> list[training_pb2.TrainingJob]:
    """Return one job for each kill, at a random moment of it, asserted to have come to what an undisturbed one does.

    One that was not done in its attempts must have failed with a reason and left nothing behind.
    """
    chance = random.Random(seed)  # noqa: S311  # it chooses when to kill and guards nothing
    dataset = workplace.make_dataset()
    began = time.monotonic()
    undisturbed = workplace.outcome(workplace.ended(workplace.begin(dataset)))
    whole_s = time.monotonic() - began
    jobs = []
    for _ in range(kills):
        name = workplace.begin(dataset)
        time.sleep(chance.uniform(0.0, whole_s))
        workplace.kill()
        jobs.append(workplace.ended(name))
        if jobs[-1].job.state == job_pb2.JOB_STATE_SUCCEEDED:
            assert workplace.outcome(jobs[-1]) == undisturbed
        else:
            assert jobs[-1].job.error.reason, jobs[-1]
            assert not jobs[-1].model_version
    return jobs
