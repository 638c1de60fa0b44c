"""Aliases given and taken, versions and data sets deleted: over the wire, with their refusals."""

from pathlib import Path

import grpc
import pytest

from counterfoil.trainer.v1 import dataset_pb2, training_pb2
from tests.service.governed import Shelf
from tests.service.trainer import Trainer, dataset_request, refusal_of, training_request

Promote = training_pb2.PromoteModelVersionRequest
Demote = training_pb2.DemoteModelVersionRequest
Delete = training_pb2.DeleteModelVersionRequest


@pytest.fixture
def shelf(trainer: Trainer, tmp_path: Path) -> Shelf:
    """Return the trainer's MLflow."""
    return Shelf(trainer.settings, tmp_path)


def _refused(call: object, request: object) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as refusal:
        call(request)  # type: ignore[operator]  # an rpc of the stub
    said = refusal_of(refusal.value)
    return said.code, said.reason


def test_a_training_says_who_had_it_made(trainer: Trainer, training_job: training_pb2.TrainingJob) -> None:
    """Without TLS nobody is known."""
    found = trainer.stub.GetModelVersion(training_pb2.GetModelVersionRequest(name=training_job.model_version))

    assert found.creator == "unverified"


def test_an_alias_is_given_and_taken(trainer: Trainer, shelf: Shelf) -> None:
    """The version remembers both; the etag of the promotion is good for the demotion."""
    name = shelf.register("given")

    promoted = trainer.stub.PromoteModelVersion(Promote(name=name, reason="first"))
    demoted = trainer.stub.DemoteModelVersion(Demote(name=name, etag=promoted.etag, reason="drift"))

    assert (list(promoted.aliases), list(demoted.aliases)) == (["champion"], [])
    assert [(move.removed, move.approver, move.reason) for move in demoted.alias_moves] == [
        (False, "unverified", "first"),
        (True, "unverified", "drift"),
    ]
    assert _refused(trainer.stub.DemoteModelVersion, Demote(name=name)) == ("FAILED_PRECONDITION", "ALIAS_ELSEWHERE")


def test_a_version_with_an_obstacle_is_not_promoted(trainer: Trainer, shelf: Shelf) -> None:
    """Whoever asks for it; the version says why."""
    name = shelf.register("obstructed", obstacle="its reasons are not exact in the features")

    assert _refused(trainer.stub.PromoteModelVersion, Promote(name=name)) == ("FAILED_PRECONDITION", "NOT_PROMOTABLE")
    found = trainer.stub.GetModelVersion(training_pb2.GetModelVersionRequest(name=name))
    assert found.promotion_obstacle == "its reasons are not exact in the features"


def test_a_version_is_deleted_unless_it_served(trainer: Trainer, shelf: Shelf) -> None:
    """While an alias points to it, and ever after."""
    served, spare = shelf.register("shortlived"), shelf.register("shortlived")
    trainer.stub.PromoteModelVersion(Promote(name=served))
    serving = _refused(trainer.stub.DeleteModelVersion, Delete(name=served))
    trainer.stub.DemoteModelVersion(Demote(name=served))

    once_served = _refused(trainer.stub.DeleteModelVersion, Delete(name=served))
    trainer.stub.DeleteModelVersion(Delete(name=spare, reason="too dear"))

    assert serving == ("FAILED_PRECONDITION", "VERSION_HAS_ALIAS")
    assert once_served == ("FAILED_PRECONDITION", "VERSION_WAS_PROMOTED")
    again = _refused(trainer.stub.DeleteModelVersion, Delete(name=spare))
    assert again == ("NOT_FOUND", "MODEL_VERSION_NOT_FOUND")


def test_a_data_set_of_a_version_is_kept(trainer: Trainer, training_job: training_pb2.TrainingJob) -> None:
    """And so are its files: without them the version cannot be audited."""
    request = dataset_pb2.DeleteDatasetRequest(name=training_job.dataset)

    assert _refused(trainer.stub.DeleteDataset, request) == ("FAILED_PRECONDITION", "DATASET_HAS_VERSIONS")
    assert trainer.stub.GetDataset(dataset_pb2.GetDatasetRequest(name=training_job.dataset)).digest


def test_a_deleted_data_set_is_gone(trainer: Trainer) -> None:
    """From the list, from the disk, and for trainings; deleting it again changes nothing."""
    made = trainer.make_dataset(dataset_request(display_name="to be deleted"))
    folder = trainer.settings.mlflow_artifacts / made.experiment_id
    assert list(folder.rglob("*.parquet"))

    for _ in range(2):
        trainer.stub.DeleteDataset(dataset_pb2.DeleteDatasetRequest(name=made.name, reason="retention"))

    listed = trainer.stub.ListDatasets(dataset_pb2.ListDatasetsRequest()).datasets
    get = dataset_pb2.GetDatasetRequest(name=made.name)
    assert made.name not in [each.name for each in listed]
    assert _refused(trainer.stub.GetDataset, get) == ("NOT_FOUND", "DATASET_DELETED")
    train = training_request(made.name)
    assert _refused(trainer.stub.CreateTrainingJob, train) == ("NOT_FOUND", "DATASET_DELETED")
    assert not list(folder.rglob("*.parquet"))


def test_a_data_set_that_is_being_made_is_kept(trainer: Trainer) -> None:
    """It has to be cancelled first."""
    name = trainer.stub.CreateDataset(dataset_request()).name
    request = dataset_pb2.DeleteDatasetRequest(name=name)

    in_use = _refused(trainer.stub.DeleteDataset, request)
    trainer.stub.CancelDataset(dataset_pb2.CancelDatasetRequest(name=name))
    *_, last = trainer.stub.WatchDataset(dataset_pb2.WatchDatasetRequest(name=name))
    trainer.stub.DeleteDataset(request)

    assert last.dataset.job.end_time.seconds
    assert in_use == ("FAILED_PRECONDITION", "DATASET_IN_USE")
