"""One trainer, one data set and one model for all tests of the service, since each costs a process and seconds."""

from collections.abc import Iterator

import pytest

from counterfoil.trainer.v1 import dataset_pb2, training_pb2
from shared.mlflow_store import prepare
from tests.adapters.mlflow_stores import MlflowStore, connected
from tests.service.trainer import (
    TABLES,
    Trainer,
    dataset_request,
    running_trainer,
    settings_in,
    training_request,
)
from tests.synthetic_tables import write_tables


@pytest.fixture(scope="session")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trainer]:
    """Return a running trainer whose tables root holds synthetic tables."""
    settings = settings_in(tmp_path_factory.mktemp("trainer"))
    write_tables(settings.tables_root / TABLES)
    # Tests look into MLflow before the trainer has made its tables, and two that make them at once break them.
    with connected(MlflowStore(settings.mlflow_uri, settings.mlflow_artifacts)):
        prepare(settings.mlflow_uri, settings.mlflow_artifacts)
        with running_trainer(settings) as running:
            yield running


@pytest.fixture(scope="session")
def dataset(trainer: Trainer) -> dataset_pb2.Dataset:
    """Return a data set that keeps missing values, ready to train on."""
    made = trainer.make_dataset(dataset_request(request_id="the-data-set", display_name="Synthetic"))
    assert made.digest, made.job
    return made


@pytest.fixture(scope="session")
def training_job(trainer: Trainer, dataset: dataset_pb2.Dataset) -> training_pb2.TrainingJob:
    """Return a training job that has registered version 1 of credit-default."""
    made = trainer.train(training_request(dataset.name, request_id="the-training"))
    assert made.model_version, made.job
    return made
