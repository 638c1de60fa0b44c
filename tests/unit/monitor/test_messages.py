"""Messages to the domain's words and back."""

import datetime as dt
from dataclasses import replace

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from counterfoil.monitor.v1 import monitor_pb2
from counterfoil.types.v1 import job_pb2, prediction_pb2
from services.monitor.domain.drift import Outcome
from services.monitor.domain.report import AskedReport, ReportRequest, ReportResult
from services.monitor.domain.status import DriftStatus, ReportNews, Tally
from services.monitor.domain.window import Window
from services.monitor.drift_messages import status_to_proto
from services.monitor.messages import (
    asked_from_proto,
    document_from_proto,
    filter_from_proto,
    report_id_from_proto,
    report_to_proto,
    segment_from_proto,
)
from services.monitor.reports import KIND, Report
from shared.errors import InvalidInput
from shared.jobs.store import Job, JobState
from tests.unit.monitor.models import MODEL_VERSION
from tests.unit.monitor.test_report import RESULT

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
JOB = Job(
    id="r-1",
    kind=KIND,
    state=JobState.SUCCEEDED,
    payload="",
    caller="unverified",
    fraction=1.0,
    stage="",
    result=None,
    error=None,
    attempt=1,
    create_time=NOON,
    start_time=NOON,
    end_time=NOON,
    revision=4,
)
ASKED = AskedReport(MODEL_VERSION, Window(7, NOON, None))
REPORT = Report(JOB, ReportRequest(ASKED, MODEL_VERSION, ("a", "b")), ReportResult(RESULT, "run-1"))


def refused_field(error: pytest.ExceptionInfo[InvalidInput]) -> str:
    """Return the one field that was refused."""
    (violation,) = error.value.violations
    return violation.field


def test_defaults_are_filled_in() -> None:
    """Zero means the default, as the contract says."""
    request = monitor_pb2.CreateDriftReportRequest(
        model_version=MODEL_VERSION, window=monitor_pb2.PredictionWindow(), columns=["a"]
    )

    assert asked_from_proto(request) == AskedReport(MODEL_VERSION, Window(5_000), ("a",), 5_000)


def test_the_production_split_is_no_window() -> None:
    """Only one of the two can be asked for."""
    request = monitor_pb2.CreateDriftReportRequest(
        production=monitor_pb2.ProductionSplit(), max_rows=200, all_columns=True, full_html=True
    )

    assert asked_from_proto(request) == AskedReport("", None, (), 200, all_columns=True, full_html=True)


def test_a_request_must_say_what_to_compare() -> None:
    """Neither is no default."""
    with pytest.raises(InvalidInput) as refused:
        asked_from_proto(monitor_pb2.CreateDriftReportRequest(model_version=MODEL_VERSION))

    assert refused_field(refused) == "current"


@pytest.mark.parametrize("field", ["start_time", "end_time"])
def test_a_time_out_of_range_is_refused_by_its_path(field: str) -> None:
    """Wire bytes may hold any number of seconds."""
    window = monitor_pb2.PredictionWindow()
    getattr(window, field).CopyFrom(Timestamp(seconds=10**15))

    with pytest.raises(InvalidInput) as refused:
        asked_from_proto(monitor_pb2.CreateDriftReportRequest(window=window))

    assert refused_field(refused) == f"window.{field}"


@pytest.mark.parametrize("name", ["", "driftReports/", "driftReports/../x", "driftReports/A", "trainingJobs/1", "x"])
def test_only_the_name_of_a_report_is_taken(name: str) -> None:
    """Names are never paths."""
    with pytest.raises(InvalidInput) as refused:
        report_id_from_proto(name)

    assert refused_field(refused) == "name"
    assert report_id_from_proto("driftReports/0a-1") == "0a-1"


def test_a_list_is_filtered_by_a_numbered_version() -> None:
    """Reports are kept by number; an alias would find nothing."""
    assert filter_from_proto("") == ""
    assert filter_from_proto(MODEL_VERSION) == MODEL_VERSION
    with pytest.raises(InvalidInput):
        filter_from_proto("models/credit-default/versions/champion")


def test_an_unset_format_is_refused() -> None:
    """The zero value of an enum is never input."""
    with pytest.raises(InvalidInput) as refused:
        document_from_proto(monitor_pb2.DRIFT_REPORT_FORMAT_UNSPECIFIED)

    assert refused_field(refused) == "format"


def test_numbers_that_no_log_can_hold_are_refused() -> None:
    """The log counts in signed 64 bits, the wire in unsigned ones."""
    record = prediction_pb2.PredictionRecord(sequence=2**63)
    for segment, field in (
        (prediction_pb2.Segment(number=2**63), "segment.number"),
        (prediction_pb2.Segment(number=1, records=[record]), "segment.records[0].sequence"),
    ):
        with pytest.raises(InvalidInput) as refused:
            segment_from_proto(monitor_pb2.IngestPredictionsRequest(segment=segment))

        assert refused_field(refused) == field


def test_a_report_tells_all_that_was_found() -> None:
    """Verdict, method and figures of each column reach the caller."""
    message = report_to_proto(REPORT)

    assert (message.name, message.model_version, message.run_id) == ("driftReports/r-1", MODEL_VERSION, "run-1")
    assert message.window == monitor_pb2.PredictionWindow(last_count=7, start_time=Timestamp(seconds=1772366400))
    assert message.outcome == monitor_pb2.DRIFT_OUTCOME_COMPARED
    assert (message.drifted, message.drifted_share, message.drifted_share_bound) == (True, 1.0, 0.5)
    drifted, empty = message.column_drifts
    assert (drifted.verdict, drifted.method) == (monitor_pb2.COLUMN_VERDICT_DRIFTED, "K-S p_value")
    assert (drifted.score, drifted.bound, drifted.current_missing_share) == (1e-12, 0.05, 0.25)
    assert empty.verdict == monitor_pb2.COLUMN_VERDICT_EMPTY
    assert not empty.HasField("score")


def test_a_report_in_a_list_has_no_columns() -> None:
    """A page of 1,000 reports must fit a message."""
    message = report_to_proto(REPORT, with_columns=False)

    assert not message.column_drifts
    assert message.drifted


def test_what_is_not_known_is_absent() -> None:
    """Absence of an answer is not the answer no."""
    running = Report(
        replace(JOB, state=JobState.RUNNING), replace(REPORT.request, asked=replace(ASKED, window=None)), None
    )
    nothing = replace(RESULT, outcome=Outcome.NO_COLUMNS, drifted=None, drifted_share=None)

    message = report_to_proto(running)
    empty = report_to_proto(replace(REPORT, result=ReportResult(nothing, "run-2")))

    assert message.job.state == job_pb2.JOB_STATE_RUNNING
    assert message.WhichOneof("current") == "production"
    assert message.outcome == monitor_pb2.DRIFT_OUTCOME_UNSPECIFIED
    assert not message.HasField("drifted")
    assert not empty.HasField("drifted")
    assert not empty.HasField("drifted_share")


def test_a_known_status_is_its_tag_alone() -> None:
    """A poll that has seen everything costs a few bytes."""
    news = ReportNews("r-1", NOON, drifted=False, drifted_share=0.1)
    status = DriftStatus(MODEL_VERSION, Tally(5, NOON), news)

    message = status_to_proto(status, known_etag="something older")

    assert (message.prediction_count, message.drift_report) == (5, "driftReports/r-1")
    assert message.HasField("drifted")
    assert not message.drifted
    assert status_to_proto(status, known_etag=message.etag) == monitor_pb2.DriftStatus(etag=message.etag)


def test_a_status_without_predictions_or_report_says_so() -> None:
    """Zero predictions is a number, no report is an absence."""
    message = status_to_proto(DriftStatus(MODEL_VERSION, Tally(), None), known_etag="")

    assert message.prediction_count == 0
    assert not message.HasField("last_prediction_time")
    assert not message.HasField("report_time")
    assert not message.HasField("drifted")
