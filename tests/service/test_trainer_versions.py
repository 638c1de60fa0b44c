"""Versions and their promotion over the wire: an alias moves on knowledge, and who moved it stays on record."""

import json

import grpc
import pytest
from mlflow import MlflowClient

from counterfoil.trainer.v1 import training_pb2
from shared.rpc.pages import encode_token
from tests.service.trainer import Trainer, refusal_of

Promote = training_pb2.PromoteModelVersionRequest


@pytest.fixture
def version(trainer: Trainer, training_job: training_pb2.TrainingJob) -> training_pb2.ModelVersion:
    """Return the registered version as it is now."""
    return trainer.stub.GetModelVersion(training_pb2.GetModelVersionRequest(name=training_job.model_version))


def test_a_version_tells_where_it_comes_from(
    training_job: training_pb2.TrainingJob, version: training_pb2.ModelVersion
) -> None:
    """From the version alone an auditor reaches job, data set, run and bundle."""
    assert (version.training_job, version.dataset) == (training_job.name, training_job.dataset)
    assert (version.run_id, version.classifier) == (training_job.run_id, "lightgbm")
    assert dict(version.metrics) == dict(training_job.metrics)
    assert version.threshold == training_job.threshold
    assert len(version.bundle_digest) == 64
    assert version.create_time.seconds >= training_job.job.start_time.seconds


def test_a_promoted_version_is_found_by_its_alias(trainer: Trainer, version: training_pb2.ModelVersion) -> None:
    """The answer of the promotion shows the alias already."""
    promoted = trainer.stub.PromoteModelVersion(Promote(name=version.name, etag=version.etag, reason="first"))

    by_alias = training_pb2.GetModelVersionRequest(name="models/credit-default/versions/champion")
    assert trainer.stub.GetModelVersion(by_alias) == promoted
    assert "champion" in promoted.aliases
    assert promoted.etag != version.etag


def test_a_promotion_is_written_on_the_version(trainer: Trainer, version: training_pb2.ModelVersion) -> None:
    """Who, why and when, as tags that an auditor reads in MLflow."""
    trainer.stub.PromoteModelVersion(Promote(name=version.name, alias="challenger", reason="worth a try"))

    tags = MlflowClient(trainer.settings.mlflow_uri).get_model_version("credit-default", "1").tags
    records = [json.loads(tags[key]) for key in tags if key.startswith("counterfoil.promoted.challenger.")]
    assert [(record["approver"], record["reason"]) for record in records] == [("unverified", "worth a try")]
    assert records[0]["time"].endswith("+00:00")


def test_an_etag_from_before_another_move_is_refused(trainer: Trainer, version: training_pb2.ModelVersion) -> None:
    """Two approvers who looked at the same time do not overwrite each other unknowingly."""
    trainer.stub.PromoteModelVersion(Promote(name=version.name, etag=version.etag))

    with pytest.raises(grpc.RpcError) as refusal:
        trainer.stub.PromoteModelVersion(Promote(name=version.name, etag=version.etag))

    said = refusal_of(refusal.value)
    assert (said.code, said.reason) == ("FAILED_PRECONDITION", "ETAG_MISMATCH")


def test_a_list_of_versions_shows_each(trainer: Trainer, version: training_pb2.ModelVersion) -> None:
    """With the same facts as a Get; other tests of this trainer may have registered more."""
    listed = trainer.stub.ListModelVersions(training_pb2.ListModelVersionsRequest(parent="models/credit-default"))

    assert version in list(listed.model_versions)
    got = [
        trainer.stub.GetModelVersion(training_pb2.GetModelVersionRequest(name=v.name)) for v in listed.model_versions
    ]
    assert list(listed.model_versions) == got
    assert not listed.next_page_token


@pytest.mark.parametrize(
    ("request_", "code", "reason"),
    [
        (Promote(name="models/credit-default/versions/99"), "NOT_FOUND", "MODEL_VERSION_NOT_FOUND"),
        (Promote(name="models/no-such-model/versions/1"), "NOT_FOUND", "MODEL_NOT_FOUND"),
        (Promote(name="models/credit-default/versions/champion"), "INVALID_ARGUMENT", "INVALID_FIELD"),
        (Promote(name="models/credit-default/versions/1", alias="v2"), "INVALID_ARGUMENT", "INVALID_FIELD"),
        (Promote(name="models/credit-default/versions/1", reason="x" * 501), "INVALID_ARGUMENT", "INVALID_FIELD"),
        (Promote(name="versions/1"), "INVALID_ARGUMENT", "INVALID_FIELD"),
    ],
)
@pytest.mark.usefixtures("version")
def test_a_promotion_that_cannot_be_is_refused(trainer: Trainer, request_: Promote, code: str, reason: str) -> None:
    """And no alias has moved."""
    before = MlflowClient(trainer.settings.mlflow_uri).get_registered_model("credit-default").aliases

    with pytest.raises(grpc.RpcError) as refusal:
        trainer.stub.PromoteModelVersion(request_)

    said = refusal_of(refusal.value)
    assert (said.code, said.reason) == (code, reason)
    assert MlflowClient(trainer.settings.mlflow_uri).get_registered_model("credit-default").aliases == before


@pytest.mark.usefixtures("version")
def test_an_alias_that_nobody_set_says_how_to_set_it(trainer: Trainer) -> None:
    """The command is in the message."""
    with pytest.raises(grpc.RpcError) as refusal:
        trainer.stub.GetModelVersion(
            training_pb2.GetModelVersionRequest(name="models/credit-default/versions/understudy")
        )

    said = refusal_of(refusal.value)
    assert said.code == "FAILED_PRECONDITION"
    assert "counterfoil model promote credit-default/VERSION" in said.message


@pytest.mark.usefixtures("version")
def test_a_page_token_of_nobody_is_refused(trainer: Trainer) -> None:
    """It is the caller's mistake, not MLflow's absence."""
    request = training_pb2.ListModelVersionsRequest(parent="models/credit-default")
    request.page_token = encode_token("nobody")

    with pytest.raises(grpc.RpcError) as refusal:
        trainer.stub.ListModelVersions(request)

    said = refusal_of(refusal.value)
    assert (said.code, [problem.field for problem in said.fields]) == ("INVALID_ARGUMENT", ["page_token"])


def test_a_list_keeps_to_filter_and_order(trainer: Trainer, version: training_pb2.ModelVersion) -> None:
    """What matches is listed, and nothing else."""
    auc = version.metrics["test_auc"]

    def listed(**wanted: object) -> list[str]:
        request = training_pb2.ListModelVersionsRequest(
            parent="models/credit-default",
            filter=training_pb2.ModelVersionFilter(**wanted),  # type: ignore[arg-type]  # any part
            order=training_pb2.ModelVersionOrder(by="test_auc"),
        )
        return [found.name for found in trainer.stub.ListModelVersions(request).model_versions]

    assert version.name in listed(dataset=version.dataset, classifier="lightgbm")
    assert version.name in listed(metrics=[training_pb2.MetricBound(metric="test_auc", minimum=auc)])
    assert version.name not in listed(metrics=[training_pb2.MetricBound(metric="test_auc", maximum=auc - 0.001)])
    assert listed(classifier="logistic_regression") == []
    assert listed(dataset="datasets/another") == []


@pytest.mark.usefixtures("version")
def test_a_filter_that_cannot_mean_anything_is_refused(trainer: Trainer) -> None:
    """A metric that no version has is a slip of the pen, not an empty list."""
    request = training_pb2.ListModelVersionsRequest(parent="models/credit-default")
    request.filter.dataset = "ds-1"
    metrics = training_pb2.ListModelVersionsRequest(parent="models/credit-default")
    metrics.filter.metrics.add(metric="test_acu", minimum=0.7)

    for wrong, field in ((request, "filter.dataset"), (metrics, "filter.metrics[0].metric")):
        with pytest.raises(grpc.RpcError) as refusal:
            trainer.stub.ListModelVersions(wrong)
        said = refusal_of(refusal.value)
        assert (said.code, [problem.field for problem in said.fields]) == ("INVALID_ARGUMENT", [field])
