"""Thresholds over the wire: judged by what was stored, registered without training, on record."""

import grpc
import numpy as np
import polars as pl
import pytest
from mlflow import MlflowClient

from counterfoil.trainer.v1 import artifact_pb2, governance_pb2, threshold_pb2, training_pb2
from shared.bundle.reading import Bundle, load_bundle
from shared.bundle.registry import ModelRegistry
from tests.service.trainer import Trainer, refusal_of

Evaluate = threshold_pb2.EvaluateThresholdsRequest
Create = threshold_pb2.CreateModelVersionRequest


@pytest.fixture(scope="module")
def rethresholded(trainer: Trainer, training_job: training_pb2.TrainingJob) -> training_pb2.ModelVersion:
    """Return a version of the training's model that refuses from 0.5 on."""
    request = Create(base_version=training_job.model_version, threshold=0.5, reason="almost everyone", request_id="t-1")
    return trainer.stub.CreateModelVersion(request)


def _bundle(trainer: Trainer, version: str, folder: object) -> Bundle:
    registry = ModelRegistry(trainer.settings.mlflow_uri, cache=folder)  # type: ignore[arg-type]  # a path of pytest's
    found = registry.resolve("credit-default", version.rpartition("/")[2])
    return load_bundle(registry.fetch_bundle(found), digest=found.bundle_digest)


@pytest.mark.parametrize("split", ["cv", "test", "train"])
def test_the_current_threshold_means_what_the_metrics_say(
    trainer: Trainer, training_job: training_pb2.TrainingJob, split: str
) -> None:
    """Recomputed from the outcomes that the run keeps."""
    asked = threshold_pb2.ScoredSplit.Value(f"SCORED_SPLIT_{split.upper()}")

    found = trainer.stub.EvaluateThresholds(Evaluate(name=training_job.model_version, split=asked))

    metrics = training_job.metrics
    assert found.current.threshold == training_job.threshold
    assert found.current.cost == pytest.approx(metrics[f"{split}_business_cost"])
    assert found.current.approval_rate == pytest.approx(metrics[f"{split}_approval_rate"])
    assert found.current.bad_rate == pytest.approx(metrics[f"{split}_bad_rate"])
    assert found.current.recall == pytest.approx(metrics[f"{split}_recall"])
    assert found.split == asked
    assert found.costs == training_pb2.Costs(false_negative=10.0, false_positive=1.0)


def test_the_best_threshold_of_cv_is_the_tuned_one_and_no_hundredth_is_cheaper(
    trainer: Trainer, training_job: training_pb2.TrainingJob
) -> None:
    """The tuning searched every cut of these very outcomes."""
    found = trainer.stub.EvaluateThresholds(Evaluate(name=training_job.model_version))

    assert [figures.threshold for figures in found.figures] == [hundredth / 100 for hundredth in range(1, 100)]
    assert found.best == found.current
    assert all(found.best.cost <= figures.cost for figures in found.figures)


def test_a_threshold_is_counted_as_an_analyst_would(trainer: Trainer, training_job: training_pb2.TrainingJob) -> None:
    """From the Parquet that MLflow keeps beside the run."""
    request = Evaluate(name=training_job.model_version, split=threshold_pb2.SCORED_SPLIT_TEST, thresholds=[0.3, 0.08])
    client = MlflowClient(trainer.settings.mlflow_uri)
    kept = pl.read_parquet(client.download_artifacts(training_job.run_id, "scored/test.parquet"))
    targets, probabilities = kept["target"].to_numpy(), kept["probability"].to_numpy()

    found = trainer.stub.EvaluateThresholds(request)

    assert found.outcomes == len(targets)
    for figures, threshold in zip(found.figures, [0.3, 0.08], strict=True):
        refused = probabilities >= threshold
        cost = np.where(refused, 1.0 * (targets == 0), 10.0 * (targets == 1)).mean()
        assert figures.threshold == threshold
        assert figures.cost == pytest.approx(cost)
        assert figures.approval_rate == pytest.approx(1.0 - refused.mean())


def test_a_new_threshold_is_a_new_version_of_the_same_model(
    trainer: Trainer,
    training_job: training_pb2.TrainingJob,
    rethresholded: training_pb2.ModelVersion,
    tmp_path: object,
) -> None:
    """It scores as before and decides anew; it says whose model it is, who made it and why."""
    before = _bundle(trainer, training_job.model_version, tmp_path)
    after = _bundle(trainer, rethresholded.name, tmp_path)
    rows = np.full((1, len(before.schema.features)), np.nan)

    assert (after.threshold, before.threshold) == (0.5, training_job.threshold)
    assert after.model.files() == before.model.files()
    assert after.score(rows).probabilities == before.score(rows).probabilities
    assert (rethresholded.threshold, rethresholded.base_version) == (0.5, training_job.model_version)
    assert (rethresholded.creator, rethresholded.reason) == ("unverified", "almost everyone")
    assert rethresholded.training_job == training_job.name
    assert rethresholded.metrics["cv_auc"] == training_job.metrics["cv_auc"]
    assert rethresholded.metrics["cv_approval_rate"] > training_job.metrics["cv_approval_rate"]


def test_it_has_every_artifact_of_its_base_and_a_document_of_its_own(
    trainer: Trainer, training_job: training_pb2.TrainingJob, rethresholded: training_pb2.ModelVersion
) -> None:
    """What validation reads of a model, it reads of one at another threshold, without going back."""
    names = [
        [artifact.artifact for artifact in trainer.stub.ListModelArtifacts(request).model_artifacts]
        for request in (
            artifact_pb2.ListModelArtifactsRequest(parent=name)
            for name in (training_job.model_version, rethresholded.name)
        )
    ]
    chunks = trainer.stub.ReadModelArtifact(
        artifact_pb2.ReadModelArtifactRequest(name=rethresholded.name, artifact="model_document.md")
    )

    text = b"".join(chunk.chunk for chunk in chunks).decode()

    assert names[0] == names[1]
    assert text.startswith("# Model document: credit-default at the threshold 0.500000\n")
    assert f"The model of `{training_job.model_version}`" in text
    assert "## Groups of applicants" in text
    assert "### Reproduction" in text


def test_the_same_request_makes_one_version(
    trainer: Trainer, training_job: training_pb2.TrainingJob, rethresholded: training_pb2.ModelVersion
) -> None:
    """Sent again it returns the first; with another threshold it is refused."""
    request = Create(base_version=training_job.model_version, threshold=0.5, reason="almost everyone", request_id="t-1")

    again = trainer.stub.CreateModelVersion(request)
    request.threshold = 0.6
    with pytest.raises(grpc.RpcError) as refusal:
        trainer.stub.CreateModelVersion(request)

    said = refusal_of(refusal.value)
    assert again.name == rethresholded.name
    assert (said.code, said.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")


def test_it_can_be_judged_and_changed_like_any_other(
    trainer: Trainer, rethresholded: training_pb2.ModelVersion
) -> None:
    """Its run keeps the outcomes too."""
    found = trainer.stub.EvaluateThresholds(Evaluate(name=rethresholded.name))

    assert found.current.threshold == 0.5
    assert found.current.cost == pytest.approx(rethresholded.metrics["cv_business_cost"])
    assert found.best.cost < found.current.cost


def test_who_made_it_is_in_the_audit_trail(trainer: Trainer, rethresholded: training_pb2.ModelVersion) -> None:
    """With the base version and the threshold that were asked for."""
    request = governance_pb2.ListAuditEventsRequest(action="CreateModelVersion", resource=rethresholded.name)

    events = trainer.stub.ListAuditEvents(request).audit_events

    first = events[-1]
    assert (first.caller, first.reason, first.request_id) == ("unverified", "almost everyone", "t-1")
    assert (first.details["base_version"], first.details["threshold"]) == (rethresholded.base_version, "0.5")


@pytest.mark.parametrize(
    ("changes", "code", "fields"),
    [
        ({"threshold": 1.0}, "INVALID_ARGUMENT", ["threshold"]),
        ({"threshold": None}, "INVALID_ARGUMENT", ["threshold"]),
        ({"reason": ""}, "INVALID_ARGUMENT", ["reason"]),
        ({"base_version": "models/credit-default/versions/champion"}, "INVALID_ARGUMENT", ["base_version"]),
        ({"base_version": "models/credit-default/versions/999"}, "NOT_FOUND", []),
    ],
)
def test_a_wish_that_cannot_be_is_refused(
    trainer: Trainer, training_job: training_pb2.TrainingJob, changes: dict[str, object], code: str, fields: list[str]
) -> None:
    """The field is named, and no version made."""
    wish = {"base_version": training_job.model_version, "threshold": 0.2, "reason": "to see", **changes}

    with pytest.raises(grpc.RpcError) as refusal:
        trainer.stub.CreateModelVersion(Create(**wish))  # type: ignore[arg-type]  # any field may change

    said = refusal_of(refusal.value)
    assert (said.code, [problem.field for problem in said.fields]) == (code, fields)


def test_thresholds_out_of_range_are_named_by_place(trainer: Trainer, training_job: training_pb2.TrainingJob) -> None:
    """A probability of 0 or 1 refuses everyone or nobody, which no applicant can be told."""
    with pytest.raises(grpc.RpcError) as refusal:
        trainer.stub.EvaluateThresholds(Evaluate(name=training_job.model_version, thresholds=[0.1, 0.0, 1.5]))

    assert [problem.field for problem in refusal_of(refusal.value).fields] == ["thresholds[1]", "thresholds[2]"]
