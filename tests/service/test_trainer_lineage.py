"""Lineage and comparison over the wire, of a real training."""

import grpc
import pytest

from counterfoil.trainer.v1 import dataset_pb2, lineage_pb2, training_pb2
from shared.digests import digest_of_file
from tests.service.trainer import TABLES, Trainer, refusal_of

Get = lineage_pb2.GetLineageRequest


def test_a_version_is_traced_back_to_the_bytes_of_its_tables(
    trainer: Trainer, training_job: training_pb2.TrainingJob, dataset: dataset_pb2.Dataset
) -> None:
    """Tables, splits, data set, training, run, version: each with what proves it."""
    found = trainer.stub.GetLineage(Get(name=training_job.model_version))

    (run,) = found.runs
    tables = {table.table: table.digest for table in found.dataset.tables if table.present}
    assert (found.dataset.name, found.dataset.digest) == (dataset.name, dataset.digest)
    assert tables["bureau"] == digest_of_file(trainer.settings.tables_root / TABLES / "bureau.parquet")
    assert (run.training_job.name, run.training_job.run_id) == (training_job.name, training_job.run_id)
    assert [version.name for version in run.model_versions] == [training_job.model_version]
    assert not found.dataset_deleted


def test_a_data_set_shows_what_it_has_led_to(trainer: Trainer, training_job: training_pb2.TrainingJob) -> None:
    """The training among them, with its version."""
    found = trainer.stub.GetLineage(Get(name=training_job.dataset))

    led_to = {run.training_job.name: [version.name for version in run.model_versions] for run in found.runs}
    assert training_job.model_version in led_to[training_job.name]


def test_models_stand_beside_the_dummy(trainer: Trainer, training_job: training_pb2.TrainingJob) -> None:
    """With what each costs of what the dummy would."""
    found = trainer.stub.CompareRuns(lineage_pb2.CompareRunsRequest(dataset=training_job.dataset))

    run = next(each for each in found.runs if each.model_version == training_job.model_version)
    metrics = training_job.metrics
    assert run.relative_costs["test"] == metrics["test_business_cost"] / metrics["test_dummy_business_cost"]
    assert found.baseline_metrics["test_auc"] == 0.5
    # At the default costs the data set's own dummy costs the same.
    assert found.baseline_metrics["test_business_cost"] == metrics["test_dummy_business_cost"]


@pytest.mark.parametrize(
    ("method", "request_", "code", "reason"),
    [
        ("GetLineage", Get(name="datasets/ds-nobody"), "NOT_FOUND", "JOB_NOT_FOUND"),
        ("GetLineage", Get(name="models/nobody/versions/1"), "NOT_FOUND", "MODEL_NOT_FOUND"),
        ("GetLineage", Get(name="trainingJobs/tj-1"), "INVALID_ARGUMENT", "INVALID_FIELD"),
        ("CompareRuns", lineage_pb2.CompareRunsRequest(dataset="ds-1"), "INVALID_ARGUMENT", "INVALID_FIELD"),
    ],
)
def test_what_is_not_there_or_misnamed_is_refused(
    trainer: Trainer, method: str, request_: object, code: str, reason: str
) -> None:
    """With the reason."""
    with pytest.raises(grpc.RpcError) as refusal:
        getattr(trainer.stub, method)(request_)

    said = refusal_of(refusal.value)
    assert (said.code, said.reason) == (code, reason)
