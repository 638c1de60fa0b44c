"""--json of every command that asks a service: one document, which is the service's answer."""

import json
from collections.abc import Iterator
from typing import Final

import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from google.rpc import code_pb2

from counterfoil.monitor.v1 import (
    alert_pb2,
    erasure_pb2,
    failure_pb2,
    monitor_pb2,
    outcome_pb2,
    prediction_log_pb2,
    retraining_pb2,
)
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.trainer.v1 import artifact_pb2, dataset_pb2, governance_pb2, training_pb2
from tests.service import cli_samples as samples
from tests.service.fake_services import FakeServices, fake_services


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """Run the fake services."""
    with fake_services() as fake:
        yield fake


_DATASET_NEWS = dataset_pb2.WatchDatasetResponse(dataset=samples.dataset())
_JOB_NEWS = training_pb2.WatchTrainingJobResponse(training_job=samples.training_job())
_REPORT_NEWS = monitor_pb2.WatchDriftReportResponse(drift_report=samples.drift_report())
_STATUS = monitor_pb2.DriftStatus(model_version=samples.VERSION, drifted=False, prediction_count=2**40)
_BATCH = scorer_pb2.BatchScoreResponse(
    results=[
        scorer_pb2.BatchScoreResult(score=samples.score()),
        scorer_pb2.BatchScoreResult(status=samples.refusal(code_pb2.NOT_FOUND, "APPLICANT_NOT_FOUND", "none")),
    ]
)
_PREDICTIONS = prediction_log_pb2.ListPredictionsResponse(predictions=[samples.prediction()])
_FAILURES = failure_pb2.ListFailuresResponse(failures=[samples.failure()])
_ERASURES = erasure_pb2.ListErasuresResponse(erasures=[samples.erasure()])
# A command as it is typed, the method it prints the answer of, and the answer.
COMMANDS: Final[list[tuple[str, str, Message]]] = [
    ("dataset create --tables t --imputation none --no-wait", "CreateDataset", samples.dataset()),
    ("dataset get x", "GetDataset", samples.dataset()),
    ("dataset get x --dropped", "GetDataset", samples.dataset()),
    (
        "dataset list",
        "ListDatasets",
        dataset_pb2.ListDatasetsResponse(datasets=[samples.dataset()]),
    ),
    ("dataset cancel x", "CancelDataset", samples.dataset()),
    ("dataset sample x", "SampleDataset", samples.dataset_sample()),
    ("dataset describe x c", "DescribeColumn", samples.text_description()),
    ("dataset correlations x", "ListCorrelations", samples.correlations()),
    ("dataset preview x", "PreviewCleaning", samples.preview()),
    ("dataset preview x --dropped", "PreviewCleaning", samples.preview()),
    ("tables list", "ListTables", samples.tables()),
    ("tables sample t", "SampleTable", samples.table_sample()),
    ("tables describe t c", "DescribeColumn", samples.number_description()),
    ("tables correlations t", "ListCorrelations", samples.correlations()),
    ("train start --dataset x --classifier c --no-wait", "CreateTrainingJob", samples.training_job()),
    ("train get x", "GetTrainingJob", samples.training_job()),
    ("train list", "ListTrainingJobs", training_pb2.ListTrainingJobsResponse(training_jobs=[samples.training_job()])),
    ("train cancel x", "CancelTrainingJob", samples.training_job()),
    ("train classifiers", "ListClassifiers", training_pb2.ListClassifiersResponse()),
    (
        "model list",
        "ListModelVersions",
        training_pb2.ListModelVersionsResponse(model_versions=[samples.model_version()]),
    ),
    ("model get", "GetModelVersion", samples.model_version()),
    ("model promote 2", "PromoteModelVersion", samples.model_version()),
    ("model compare x", "CompareRuns", samples.comparison()),
    ("model lineage 2", "GetLineage", samples.lineage()),
    (
        "model artifacts 2",
        "ListModelArtifacts",
        artifact_pb2.ListModelArtifactsResponse(model_artifacts=[samples.model_artifact()]),
    ),
    ("model demote 2", "DemoteModelVersion", samples.model_version()),
    ("model delete 2", "DeleteModelVersion", Empty()),
    ("dataset delete x", "DeleteDataset", Empty()),
    (
        "audit list",
        "ListAuditEvents",
        governance_pb2.ListAuditEventsResponse(audit_events=[samples.audit_event()]),
    ),
    ("audit verify", "VerifyAuditTrail", governance_pb2.AuditTrailReport(intact=True, head_sequence=2)),
    ("score one --applicant 1 --purpose test", "Score", samples.score()),
    ("score batch --applicants 1,2 --purpose test", "BatchScore", _BATCH),
    ("score applicant 1", "GetApplicant", samples.applicant()),
    ("score model", "GetServingModel", samples.serving_model()),
    (
        "score models",
        "ListServingModels",
        scorer_pb2.ListServingModelsResponse(serving_models=[samples.serving_model()]),
    ),
    ("score reload", "ReloadModel", samples.serving_model()),
    ("predictions get m/2/x", "GetPrediction", samples.prediction()),
    ("audit erase --applicant 1 --reason r --no-wait", "ErasePersonalData", samples.erasure()),
    ("audit retain --days 9 --reason r --no-wait", "ErasePersonalData", samples.erasure()),
    ("audit erasures", "ListErasures", _ERASURES),
    ("audit failures", "ListFailures", _FAILURES),
    ("predictions list", "ListPredictions", _PREDICTIONS),
    ("predictions override m/2/x --decision approve --code c --reason r", "RecordOverride", samples.override()),
    ("drift create --production --no-wait", "CreateDriftReport", samples.drift_report()),
    ("drift get x", "GetDriftReport", samples.drift_report()),
    ("drift list", "ListDriftReports", monitor_pb2.ListDriftReportsResponse(drift_reports=[samples.drift_report()])),
    ("drift status 2", "GetDriftStatus", _STATUS),
    ("drift status 2 --etag e", "GetDriftStatus", monitor_pb2.DriftStatus(etag="e")),
    ("drift cancel x", "CancelDriftReport", samples.drift_report()),
    ("performance 2 --by A", "GetPerformance", samples.performance()),
    ("outcomes list p", "ListOutcomes", outcome_pb2.ListOutcomesResponse(outcomes=[samples.outcome()])),
    ("alerts list", "ListAlerts", alert_pb2.ListAlertsResponse(alerts=[samples.alert()])),
    (
        "retrain list",
        "ListRetrainProposals",
        retraining_pb2.ListRetrainProposalsResponse(retrain_proposals=[samples.proposal()]),
    ),
    ("retrain compare", "CompareChallenger", samples.challenger()),
    ("retrain show x", "GetRetrainProposal", samples.proposal()),
    ("retrain approve x --reason y", "ApproveRetrainProposal", samples.proposal()),
    ("retrain reject x --reason y", "RejectRetrainProposal", samples.proposal()),
    ("alerts show x", "GetAlert", samples.alert()),
    ("alerts acknowledge x", "AcknowledgeAlert", samples.alert()),
]


@pytest.mark.parametrize(("command", "method", "answer"), COMMANDS, ids=[command for command, _, _ in COMMANDS])
def test_document_parses_back_into_the_services_answer(
    services: FakeServices, command: str, method: str, answer: Message
) -> None:
    """Nothing is lost and nothing added, neither a hint nor a second document, and the service is asked once."""
    services.answer(method, answer)

    outcome = services.run(*command.split(), "--json")

    assert ParseDict(json.loads(outcome.stdout), type(answer)()) == answer
    assert len(services.asked(method)) == 1
    assert outcome.stderr == "" or outcome.exit_code == 1


@pytest.mark.parametrize(
    ("command", "method", "news", "made"),
    [
        ("dataset watch x", "WatchDataset", _DATASET_NEWS, samples.dataset()),
        ("train watch x", "WatchTrainingJob", _JOB_NEWS, samples.training_job()),
        ("drift watch dr-x", "WatchDriftReport", _REPORT_NEWS, samples.drift_report()),
    ],
    ids=["dataset", "train", "drift"],
)
def test_watch_prints_what_was_made_and_not_its_news(
    services: FakeServices, command: str, method: str, news: Message, made: Message
) -> None:
    """The document of `watch` is that of `get`, whatever the number of news."""
    services.answer(method, news, news)

    outcome = services.run(*command.split(), "--json")

    assert ParseDict(json.loads(outcome.stdout), type(made)()) == made
    assert outcome.stderr == ""


def test_failed_rows_leave_the_document_whole_and_the_error_on_stderr(services: FakeServices) -> None:
    """One document on each stream: the answers, and that a row has none."""
    services.answer("BatchScore", _BATCH)

    outcome = services.run("score", "batch", "--applicants", "1,2", "--purpose", "test", "--json")

    assert outcome.exit_code == 1
    assert len(json.loads(outcome.stdout)["results"]) == 2
    assert json.loads(outcome.stderr)["error"]["reason"] == "ROWS_NOT_SCORED"


@pytest.mark.parametrize(("command", "method"), [(command, method) for command, method, _ in COMMANDS])
def test_refusal_leaves_stdout_empty_and_is_one_document_on_stderr(
    services: FakeServices, command: str, method: str
) -> None:
    """Whatever was asked, a machine finds code and reason in the same place."""
    services.answer(method, samples.refusal(code_pb2.FAILED_PRECONDITION, "NOT_NOW", "do this first"))

    outcome = services.run(*command.split(), "--json")

    error = json.loads(outcome.stderr)["error"]
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert (error["code"], error["reason"], error["message"]) == ("FAILED_PRECONDITION", "NOT_NOW", "do this first")
