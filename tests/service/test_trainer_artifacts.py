"""What a training left to read is read over the wire, and nothing else is."""

import grpc
import pytest

from counterfoil.trainer.v1 import artifact_pb2, dataset_pb2, training_pb2
from tests.service.trainer import Trainer, refusal_of

Read = artifact_pb2.ReadModelArtifactRequest


def _read(trainer: Trainer, name: str, artifact: str) -> bytes:
    return b"".join(each.chunk for each in trainer.stub.ReadModelArtifact(Read(name=name, artifact=artifact)))


def test_every_artifact_that_is_listed_can_be_read(trainer: Trainer, training_job: training_pb2.TrainingJob) -> None:
    """To its last byte."""
    request = artifact_pb2.ListModelArtifactsRequest(parent=training_job.model_version)

    found = trainer.stub.ListModelArtifacts(request).model_artifacts

    names = [each.artifact for each in found]
    assert {"model_document.md", "feature_importance.csv", "figures/roc_curve.png"} <= set(names)
    assert names == sorted(names)
    for each in found:
        content = _read(trainer, training_job.model_version, each.artifact)
        assert len(content) == each.size_bytes > 0
        assert content.startswith(b"\x89PNG") == (each.content_type == "image/png")


def test_the_model_document_tells_of_data_quality_and_groups(
    trainer: Trainer, training_job: training_pb2.TrainingJob, dataset: dataset_pb2.Dataset
) -> None:
    """Of the very training that it came with."""
    document = _read(trainer, training_job.model_version, "model_document.md").decode()

    assert f"trained by `{training_job.name}` on `{training_job.dataset}`" in document
    assert f"SHA-256 of the data set: `{dataset.digest}`" in document
    assert f"{training_job.metrics['test_auc']:.4f}" in document
    assert f"against {training_job.metrics['test_dummy_business_cost']:.4f} of the dummy" in document
    assert {"### CODE_GENDER", "### NAME_CONTRACT_TYPE", "### DAYS_BIRTH"} <= set(document.splitlines())


@pytest.mark.parametrize(
    ("artifact", "code", "reason"),
    [
        ("../../mlflow.db", "INVALID_ARGUMENT", "INVALID_FIELD"),
        ("figures/no_such_figure.png", "NOT_FOUND", "ARTIFACT_NOT_FOUND"),
    ],
)
def test_an_artifact_that_is_not_there_is_refused(
    trainer: Trainer, training_job: training_pb2.TrainingJob, artifact: str, code: str, reason: str
) -> None:
    """Names outside the list and names that this version lacks are told apart."""
    with pytest.raises(grpc.RpcError) as refusal:
        _read(trainer, training_job.model_version, artifact)

    said = refusal_of(refusal.value)
    assert (said.code, said.reason) == (code, reason)


@pytest.mark.usefixtures("training_job")
def test_the_parent_of_a_list_is_named_when_it_is_wrong(trainer: Trainer) -> None:
    """By the field that it stands in."""
    with pytest.raises(grpc.RpcError) as refusal:
        trainer.stub.ListModelArtifacts(artifact_pb2.ListModelArtifactsRequest(parent="models/credit-default"))

    assert [problem.field for problem in refusal_of(refusal.value).fields] == ["parent"]
