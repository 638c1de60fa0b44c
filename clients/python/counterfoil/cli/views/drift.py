"""What people see of drift reports."""

from collections.abc import Iterable
from typing import Final

from rich.console import RenderableType

from counterfoil.cli.views.jobs import job_facts, state_word
from counterfoil.cli.views.layout import (
    ABSENT,
    facts,
    figure,
    identifier,
    listing,
    moment,
    share,
    short_version,
    stacked,
    whole,
)
from counterfoil.monitor.v1 import monitor_pb2

_VERDICTS: Final = {
    monitor_pb2.COLUMN_VERDICT_STABLE: "stable",
    monitor_pb2.COLUMN_VERDICT_DRIFTED: "DRIFTED",
    monitor_pb2.COLUMN_VERDICT_EMPTY: "no value on one side",
    monitor_pb2.COLUMN_VERDICT_TOO_FEW: "too few values",
}


def drift_report_view(report: monitor_pb2.DriftReport) -> RenderableType:
    """Return the verdict on the data as a whole and on each column, drifted ones first."""
    head = [
        ("drift report", identifier(report.name)),
        ("model version", report.model_version),
        ("compared", f"{_current(report)} with its training data"),
        *job_facts(report.job),
        ("verdict", _verdict(report)),
        ("rows", f"{whole(report.current_rows)} against {whole(report.reference_rows)}" if report.outcome else ""),
        ("MLflow run", report.run_id),
    ]
    return stacked(facts(head), _columns(report.column_drifts) if report.column_drifts else None)


def drift_report_list_view(reports: Iterable[monitor_pb2.DriftReport]) -> RenderableType:
    """Return one line for each report."""
    rows = [
        (
            identifier(report.name),
            short_version(report.model_version),
            _current(report),
            state_word(report.job),
            _verdict(report).partition(":")[0] or ABSENT,
            share(report.drifted_share) if report.HasField("drifted_share") else ABSENT,
            moment(report.job.create_time),
        )
        for report in reports
    ]
    headings = ("drift report", "version", "compared", "state", "verdict", "drifted", "created")
    return listing(headings, rows, right=("drifted",))


def _current(report: monitor_pb2.DriftReport) -> str:
    if report.HasField("production"):
        return "production split"
    window = report.window
    bounds = [("from", moment(window.start_time)), ("to", moment(window.end_time))]
    newest = f"newest {whole(window.last_count)} predictions" if window.last_count else "newest predictions"
    return " ".join([newest, *(f"{word} {time}" for word, time in bounds if time)])


def _verdict(report: monitor_pb2.DriftReport) -> str:
    if report.outcome == monitor_pb2.DRIFT_OUTCOME_WINDOW_TOO_SMALL:
        return f"window too small: {whole(report.current_rows)} rows, {whole(report.minimum_rows)} are needed"
    if report.outcome == monitor_pb2.DRIFT_OUTCOME_NO_COLUMNS:
        return "no column could be compared"
    if report.outcome == monitor_pb2.DRIFT_OUTCOME_COMPARED:
        word = "DRIFTED" if report.drifted else "stable"
        return f"{word}: {share(report.drifted_share)} of columns drifted, bound {share(report.drifted_share_bound)}"
    return ""


def _columns(columns: Iterable[monitor_pb2.ColumnDrift]) -> RenderableType:
    # Sorting is stable: within a verdict the model's own order stays.
    ordered = sorted(columns, key=lambda each: each.verdict != monitor_pb2.COLUMN_VERDICT_DRIFTED)
    rows = [
        (
            each.column,
            _VERDICTS.get(each.verdict, ABSENT),
            each.method,
            figure(each.score) if each.HasField("score") else ABSENT,
            figure(each.bound) if each.HasField("bound") else ABSENT,
            f"{share(each.reference_missing_share)} > {share(each.current_missing_share)}",
        )
        for each in ordered
    ]
    headings = ("column", "verdict", "method", "figure", "bound", "missing then > now")
    return listing(headings, rows, title="columns", right=("figure", "bound", "missing then > now"))
