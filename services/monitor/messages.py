"""The monitor's messages to the domain's words and back, and the field paths of what is invalid."""

import re
from collections.abc import Iterable

from counterfoil.monitor.v1 import monitor_pb2
from counterfoil.types.v1 import prediction_pb2
from services.monitor.adapters.report_files import HTML, JSON
from services.monitor.domain.drift import ColumnDrift, DriftResult, Outcome, Verdict
from services.monitor.domain.model import is_numbered
from services.monitor.domain.report import DEFAULT_MAX_ROWS, AskedReport
from services.monitor.domain.window import DEFAULT_LAST_COUNT, Window
from services.monitor.reports import Report
from shared.errors import InvalidInput
from shared.rpc.jobs import job_to_proto
from shared.rpc.times import moment_of

_REPORT_NAME = re.compile(r"driftReports/([a-z0-9-]{1,64})")
# Scorers seal at 8 MiB, and a record that is larger by itself. What is larger yet does not arrive (32 MiB a message).
MAX_SEGMENT_BYTES = 24 << 20
_LONGEST_INSTANCE = 128
_LARGEST_NUMBER = 2**63 - 1
_VERDICTS = {
    Verdict.STABLE: monitor_pb2.COLUMN_VERDICT_STABLE,
    Verdict.DRIFTED: monitor_pb2.COLUMN_VERDICT_DRIFTED,
    Verdict.EMPTY: monitor_pb2.COLUMN_VERDICT_EMPTY,
    Verdict.TOO_FEW: monitor_pb2.COLUMN_VERDICT_TOO_FEW,
}
_OUTCOMES = {
    Outcome.COMPARED: monitor_pb2.DRIFT_OUTCOME_COMPARED,
    Outcome.WINDOW_TOO_SMALL: monitor_pb2.DRIFT_OUTCOME_WINDOW_TOO_SMALL,
    Outcome.NO_COLUMNS: monitor_pb2.DRIFT_OUTCOME_NO_COLUMNS,
}
_DOCUMENTS = {monitor_pb2.DRIFT_REPORT_FORMAT_HTML: HTML, monitor_pb2.DRIFT_REPORT_FORMAT_JSON: JSON}


def segment_from_proto(request: monitor_pb2.IngestPredictionsRequest) -> prediction_pb2.Segment:
    """Return the segment, not verified; raises InvalidInput for sizes and numbers that no log can hold."""
    segment = request.segment
    if (size := segment.ByteSize()) > MAX_SEGMENT_BYTES:
        problem = f"has {size} bytes; send at most {MAX_SEGMENT_BYTES} at once"
        raise InvalidInput.of("segment", problem, reason="SEGMENT_TOO_LARGE")
    if len(segment.instance) > _LONGEST_INSTANCE:
        raise InvalidInput.of("segment.instance", f"is longer than {_LONGEST_INSTANCE} characters")
    if segment.number > _LARGEST_NUMBER:
        raise InvalidInput.of("segment.number", "is above 2^63 - 1")
    for position, record in enumerate(segment.records):
        if record.sequence > _LARGEST_NUMBER:
            raise InvalidInput.of(f"segment.records[{position}].sequence", "is above 2^63 - 1")
    return segment


def asked_from_proto(request: monitor_pb2.CreateDriftReportRequest) -> AskedReport:
    """Return what a request asks for, defaults filled in; raises InvalidInput if it names nothing to compare."""
    current = request.WhichOneof("current")
    if current is None:
        raise InvalidInput.of("current", "is not set; give a window of predictions, or the production split")
    return AskedReport(
        model_version=request.model_version,
        window=window_from_proto(request.window) if current == "window" else None,
        columns=tuple(request.columns),
        max_rows=request.max_rows or DEFAULT_MAX_ROWS,
        all_columns=request.all_columns,
        full_html=request.full_html,
    )


def report_id_from_proto(name: str) -> str:
    """Return the id in driftReports/{id}; raises InvalidInput for another name."""
    match = _REPORT_NAME.fullmatch(name)
    if match is None:
        raise InvalidInput.of("name", "is not of the form driftReports/{id}")
    return match[1]


def filter_from_proto(model_version: str) -> str:
    """Return the model version to filter by, "" for all; raises InvalidInput for another name or an alias."""
    if model_version and not is_numbered(model_version):
        raise InvalidInput.of("model_version", "is not of the form models/{model}/versions/{number}")
    return model_version


def document_from_proto(report_format: monitor_pb2.DriftReportFormat.ValueType) -> str:
    """Return the name of a report's document; raises InvalidInput for a format that is not known."""
    if report_format not in _DOCUMENTS:
        raise InvalidInput.of("format", "is not set or not known; give HTML or JSON")
    return _DOCUMENTS[report_format]


def report_to_proto(report: Report, *, with_columns: bool = True) -> monitor_pb2.DriftReport:
    """Return the report; its findings are absent until its job has succeeded."""
    request = report.request
    message = monitor_pb2.DriftReport(
        name=report_name(report.job.id),
        job=job_to_proto(report.job),
        model_version=request.model_version,
        columns=request.columns,
        full_html=request.asked.full_html,
    )
    if request.asked.window is None:
        message.production.SetInParent()
    else:
        message.window.CopyFrom(window_to_proto(request.asked.window))
    if report.result is not None:
        message.run_id = report.result.run_id
        _fill(message, report.result.drift, report.result.drift.columns if with_columns else ())
    return message


def window_from_proto(window: monitor_pb2.PredictionWindow) -> Window:
    """Return the window, defaults filled in; raises InvalidInput for a time that is none."""
    return Window(
        last_count=window.last_count or DEFAULT_LAST_COUNT,
        start_time=moment_of(window.start_time, "window.start_time") if window.HasField("start_time") else None,
        end_time=moment_of(window.end_time, "window.end_time") if window.HasField("end_time") else None,
    )


def report_name(report_id: str) -> str:
    """Return driftReports/{id}."""
    return f"driftReports/{report_id}"


def window_to_proto(window: Window) -> monitor_pb2.PredictionWindow:
    """Return the window as it goes over the wire."""
    message = monitor_pb2.PredictionWindow(last_count=window.last_count)
    if window.start_time is not None:
        message.start_time.FromDatetime(window.start_time)
    if window.end_time is not None:
        message.end_time.FromDatetime(window.end_time)
    return message


def _fill(message: monitor_pb2.DriftReport, drift: DriftResult, columns: Iterable[ColumnDrift]) -> None:
    message.outcome = _OUTCOMES[drift.outcome]
    message.reference_rows, message.current_rows = drift.reference_rows, drift.current_rows
    message.minimum_rows, message.drifted_share_bound = drift.bounds.minimum_rows, drift.bounds.drifted_share
    if drift.drifted is not None and drift.drifted_share is not None:
        message.drifted, message.drifted_share = drift.drifted, drift.drifted_share
    message.column_drifts.extend(_column_to_proto(column) for column in columns)


def _column_to_proto(column: ColumnDrift) -> monitor_pb2.ColumnDrift:
    message = monitor_pb2.ColumnDrift(
        column=column.column,
        verdict=_VERDICTS[column.verdict],
        reference_missing_share=column.reference_missing_share,
        current_missing_share=column.current_missing_share,
    )
    if column.comparison is not None:
        message.method = column.comparison.method
        message.score, message.bound = column.comparison.score, column.comparison.bound
    return message
