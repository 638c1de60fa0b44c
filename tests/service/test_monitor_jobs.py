"""The jobs behind drift reports, with a job that never ends: followed, cancelled, interrupted."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from counterfoil.client.channels import open_channel
from counterfoil.client.errors import CallError, call_error
from counterfoil.monitor.v1 import monitor_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from counterfoil.types.v1 import job_pb2
from services.monitor.app import build
from services.monitor.settings import Settings
from tests.service.monitors import HANGING_JOB, document, finished, monitor, settings_in
from tests.unit.monitor.models import MODEL_VERSION, KnownModels, model_facts

NO_SUCH = "driftReports/dr-000000000000"
HTML = monitor_pb2.DRIFT_REPORT_FORMAT_HTML


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings in a folder of their own."""
    return settings_in(tmp_path)


@pytest.fixture
def stub(settings: Settings) -> Iterator[MonitorServiceStub]:
    """Run a monitor whose reports never end by themselves."""
    with monitor(settings, models=KnownModels(model_facts()), job_command=HANGING_JOB) as running:
        yield running


def create(stub: MonitorServiceStub) -> monitor_pb2.DriftReport:
    """Ask for a report."""
    request = monitor_pb2.CreateDriftReportRequest(
        model_version=MODEL_VERSION, production=monitor_pb2.ProductionSplit()
    )
    return stub.CreateDriftReport(request)


def running(stub: MonitorServiceStub, report: monitor_pb2.DriftReport) -> monitor_pb2.DriftReport:
    """Return the report once its process works."""
    for news in stub.WatchDriftReport(monitor_pb2.WatchDriftReportRequest(name=report.name), timeout=30):
        if news.drift_report.job.state == job_pb2.JOB_STATE_RUNNING:
            return news.drift_report
    raise AssertionError("the job ended without running")


def error_of(call: grpc.RpcError) -> CallError:
    """Return what a failed call says."""
    return call_error(call)


def test_a_report_is_returned_at_once(stub: MonitorServiceStub) -> None:
    """Long before its process has started."""
    report = create(stub)

    assert report.name.startswith("driftReports/dr-")
    assert report.job.state == job_pb2.JOB_STATE_QUEUED
    assert report.job.caller == "unverified"
    assert report.WhichOneof("current") == "production"
    assert report.outcome == monitor_pb2.DRIFT_OUTCOME_UNSPECIFIED


def test_a_cancelled_report_ends_and_stays_as_it_is(stub: MonitorServiceStub) -> None:
    """Whether it was running or still waiting for the one before it."""
    first, waiting = create(stub), create(stub)
    running(stub, first)

    for report in (waiting, first):
        stub.CancelDriftReport(monitor_pb2.CancelDriftReportRequest(name=report.name))
    ended = [finished(stub, report) for report in (first, waiting)]
    again = stub.CancelDriftReport(monitor_pb2.CancelDriftReportRequest(name=first.name))

    assert [report.job.state for report in ended] == [job_pb2.JOB_STATE_CANCELLED] * 2
    assert again == ended[0]


def test_a_report_that_was_running_when_the_monitor_stopped_is_interrupted(settings: Settings) -> None:
    """The next life says so, and makes the ones that were waiting."""
    models = KnownModels(model_facts())
    with monitor(settings, models=models, job_command=HANGING_JOB) as before:
        first, waiting = create(before), create(before)
        running(before, first)

    with monitor(settings, models=models, job_command=HANGING_JOB) as after:
        ended = finished(after, first)
        revived = running(after, waiting)

    assert (ended.job.state, ended.job.error.reason) == (job_pb2.JOB_STATE_FAILED, "INTERRUPTED")
    assert revived.job.attempt == 1


def test_a_process_that_dies_fails_its_report_alone(settings: Settings) -> None:
    """The reason is stable; nothing of the report is there."""
    died = (*HANGING_JOB[:-1], "import os; os.kill(os.getpid(), 9)")
    with monitor(settings, models=KnownModels(model_facts()), job_command=died) as stub:
        report = finished(stub, create(stub))

    assert (report.job.state, report.job.error.reason) == (job_pb2.JOB_STATE_FAILED, "CHILD_DIED")
    assert not report.column_drifts


def test_a_report_that_has_not_succeeded_cannot_be_read(stub: MonitorServiceStub) -> None:
    """The error says where it stands."""
    report = create(stub)

    with pytest.raises(grpc.RpcError) as refused:
        document(stub, report.name, HTML)

    error = error_of(refused.value)
    assert (error.code, error.reason) == ("FAILED_PRECONDITION", "REPORT_NOT_READY")
    assert error.metadata["state"] in {"QUEUED", "RUNNING"}


@pytest.mark.parametrize("method", ["GetDriftReport", "CancelDriftReport", "WatchDriftReport", "ReadDriftReport"])
def test_a_report_that_does_not_exist_is_not_found(stub: MonitorServiceStub, method: str) -> None:
    """Whatever is asked of it."""
    request = getattr(monitor_pb2, f"{method}Request")(name=NO_SUCH)
    if method == "ReadDriftReport":
        request.format = HTML

    def ask() -> list[object]:
        answer = getattr(stub, method)(request)
        return list(answer) if method.startswith(("Watch", "Read")) else [answer]

    with pytest.raises(grpc.RpcError) as refused:
        ask()

    assert error_of(refused.value).code == "NOT_FOUND"


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (monitor_pb2.ListDriftReportsRequest(page_size=1_001), "page_size"),
        (monitor_pb2.ListDriftReportsRequest(page_token="no token"), "page_token"),  # noqa: S106  no secret
        (monitor_pb2.ListDriftReportsRequest(model_version="models/x/versions/champion"), "model_version"),
    ],
)
def test_a_list_that_cannot_be_made_is_refused(
    stub: MonitorServiceStub, request_: monitor_pb2.ListDriftReportsRequest, field: str
) -> None:
    """With the field's path."""
    with pytest.raises(grpc.RpcError) as refused:
        stub.ListDriftReports(request_)

    assert [problem.field for problem in error_of(refused.value).fields] == [field]


def test_a_stopping_monitor_ends_the_streams_that_follow_a_report(settings: Settings) -> None:
    """They end by themselves and cleanly, long before the grace is used up."""
    app = build(settings, models=KnownModels(model_facts()), job_command=HANGING_JOB)
    app.server.start()
    with open_channel(f"127.0.0.1:{app.server.port}") as channel:
        stub = MonitorServiceStub(channel)
        report = create(stub)
        following = stub.WatchDriftReport(monitor_pb2.WatchDriftReportRequest(name=report.name), timeout=60)
        first = next(following)

        app.server.stop(grace_seconds=60)
        rest = list(following)
    app.stop()

    assert first.drift_report.name == report.name
    assert all(news.drift_report.job.state != job_pb2.JOB_STATE_SUCCEEDED for news in rest)
