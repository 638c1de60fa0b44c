"""A trainer with its real MLflow and real job processes, called over a real channel."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import grpc

from counterfoil.client.channels import open_channel
from counterfoil.client.errors import CallError, call_error
from counterfoil.trainer.v1 import dataset_pb2, training_pb2
from counterfoil.trainer.v1.trainer_pb2_grpc import TrainerServiceStub
from services.trainer.app import build
from services.trainer.settings import Settings
from shared.jobs.store import JobStore

TABLES: Final = "synthetic"


@dataclass(frozen=True)
class Trainer:
    """A running trainer: its stub, the settings it was built with, and its job store, opened a second time."""

    stub: TrainerServiceStub
    settings: Settings
    store: JobStore

    def make_dataset(self, request: dataset_pb2.CreateDatasetRequest) -> dataset_pb2.Dataset:
        """Create a data set and return it as it is when its job has ended."""
        name = self.stub.CreateDataset(request).name
        *_, last = self.stub.WatchDataset(dataset_pb2.WatchDatasetRequest(name=name))
        return last.dataset

    def train(self, request: training_pb2.CreateTrainingJobRequest) -> training_pb2.TrainingJob:
        """Create a training job and return it as it is when it has ended."""
        name = self.stub.CreateTrainingJob(request).name
        *_, last = self.stub.WatchTrainingJob(training_pb2.WatchTrainingJobRequest(name=name))
        return last.training_job


def settings_in(folder: Path) -> Settings:
    """Return settings that keep everything below the folder; tables are looked for in `folder`/tables."""
    return Settings(
        trainer_address="127.0.0.1:0",
        mlflow_uri=f"sqlite:///{folder / 'mlflow.db'}",
        mlflow_artifacts=folder / "artifacts",
        state_dir=folder / "state",
        tables_root=folder / "tables",
        training_threads=1,
        log_level="WARNING",
    )


@contextmanager
def running_trainer(settings: Settings) -> Iterator[Trainer]:
    """Run a trainer for the length of the block."""
    app = build(settings)
    app.server.start()
    try:
        with open_channel(f"127.0.0.1:{app.server.port}") as channel:
            yield Trainer(TrainerServiceStub(channel), settings, JobStore(settings.job_store_url))
    finally:
        app.server.stop(grace_seconds=0)
        app.stop()


def dataset_request(**changes: object) -> dataset_pb2.CreateDatasetRequest:
    """Return the request for a data set that keeps missing values; `changes` replace its fields."""
    request = dataset_pb2.CreateDatasetRequest(
        home_credit=dataset_pb2.HomeCreditTables(directory=TABLES),
        options=dataset_pb2.CleaningOptions(imputation=dataset_pb2.IMPUTATION_NONE, min_variance=0.0),
    )
    request.MergeFrom(dataset_pb2.CreateDatasetRequest(**changes))  # type: ignore[arg-type]  # any field may change
    return request


def training_request(dataset: str, **changes: object) -> training_pb2.CreateTrainingJobRequest:
    """Return the request for a few small trees on a data set; `changes` replace its fields."""
    grid = {"n_estimators": (_integer(10), _integer(20)), "learning_rate": (_real(0.1),), "reg_lambda": (_real(1.0),)}
    choices = {name: training_pb2.HyperparameterChoices(values=values) for name, values in grid.items()}
    request = training_pb2.CreateTrainingJobRequest(dataset=dataset, classifier="lightgbm", folds=3, grid=choices)
    request.MergeFrom(training_pb2.CreateTrainingJobRequest(**changes))  # type: ignore[arg-type]  # as above
    return request


def refusal_of(error: grpc.RpcError) -> CallError:
    """Return what a refused call said."""
    return call_error(error)


def elsewhere(settings: Settings, folder: Path) -> Settings:
    """Return the settings of a second trainer at the same MLflow, with jobs of its own."""
    return replace(settings, state_dir=folder)


def _integer(value: int) -> training_pb2.HyperparameterValue:
    return training_pb2.HyperparameterValue(integer=value)


def _real(value: float) -> training_pb2.HyperparameterValue:
    return training_pb2.HyperparameterValue(real=value)
