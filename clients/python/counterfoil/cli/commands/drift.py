"""`counterfoil drift`: whether the world has moved away from what a model learnt."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import click
import grpc

from counterfoil.cli.failures import check_ended_well
from counterfoil.cli.files import write_file
from counterfoil.cli.jobs import wait_for
from counterfoil.cli.moments import timestamp
from counterfoil.cli.names import CHAMPION, DEFAULT_MODEL, drift_report_name, model_version_name
from counterfoil.cli.options import examples, page_options, request_id_option, wait_option
from counterfoil.cli.output import json_option, json_wanted, say, show, show_json
from counterfoil.cli.session import Session, monitor_calls, pass_session
from counterfoil.cli.versions import numbered_version
from counterfoil.cli.views.drift import drift_report_list_view, drift_report_view
from counterfoil.cli.views.drift_status import drift_status_view
from counterfoil.client.errors import call_error
from counterfoil.monitor.v1 import monitor_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub

_FORMATS: Final = {
    "html": monitor_pb2.DRIFT_REPORT_FORMAT_HTML,
    "json": monitor_pb2.DRIFT_REPORT_FORMAT_JSON,
}
_REPORT_PREFIXES: Final = ("dr-", "driftReports/")
_CHAMPION: Final = f"{DEFAULT_MODEL}/{CHAMPION}"


@click.group()
def drift() -> None:
    """Compare logged predictions or the production split with a model's training data."""


@drift.command(
    epilog=examples(
        "counterfoil drift create --last 5000",
        "counterfoil drift create --production --model credit-default/2 --columns EXT_SOURCE_2,AMT_CREDIT",
    )
)
@click.option("--model", default=_CHAMPION, show_default=True, metavar="VERSION", help="Whose training data.")
@click.option("--last", type=click.IntRange(1, 1_000_000), metavar="N", help="Compare the newest N logged decisions.")
@click.option("--since", type=click.DateTime(), help="Only decisions at or after this time (UTC).")
@click.option("--until", type=click.DateTime(), help="Only decisions before this time (UTC).")
@click.option("--production", is_flag=True, help="Compare the data set's production split instead.")
@click.option("--columns", default="", metavar="A,B", help="What to compare.  [default: the 50 heaviest columns]")
@click.option("--all-columns", is_flag=True, help="Compare all of the model's columns.")
@click.option("--full-html", is_flag=True, help="Draw every column in the page, which then grows beyond 5 MB.")
@click.option(
    "--max-rows",
    type=click.IntRange(100, 100_000),
    default=5_000,
    show_default=True,
    metavar="N",
    help="Most rows a side.",
)
@request_id_option
@wait_option
@json_option
@pass_session
def create(
    session: Session,
    /,
    *,
    model: str,
    last: int | None,
    since: datetime | None,
    until: datetime | None,
    production: bool,
    columns: str,
    all_columns: bool,
    full_html: bool,
    max_rows: int,
    request_id: str,
    wait: bool,
) -> None:
    """Make a drift report over a window of logged decisions, or over the production split."""
    windowed = last is not None or since is not None or until is not None
    if windowed == production:
        raise click.UsageError("give either --production or a window: --last, --since, --until")
    request = monitor_pb2.CreateDriftReportRequest(
        request_id=request_id,
        model_version=model_version_name(model),
        window=_window(last, since, until) if windowed else None,
        production=monitor_pb2.ProductionSplit() if production else None,
        columns=[column.strip() for column in columns.split(",") if column.strip()],
        max_rows=max_rows,
        all_columns=all_columns,
        full_html=full_html,
    )
    with monitor_calls(session) as monitor:
        report = monitor.CreateDriftReport(request)
        say(f"{report.name} is being made")
        if wait:
            report = _wait(monitor, report.name)
    _show(report)


@drift.command(epilog=examples("counterfoil drift watch dr-0123456789ab", "counterfoil drift watch credit-default/2"))
@click.argument("name", metavar="REPORT|VERSION", default=_CHAMPION)
@json_option
@pass_session
def watch(session: Session, /, name: str) -> None:
    """Follow the making of REPORT until it ends (exit code 3 if badly), or the status of VERSION until interrupted."""
    if name.startswith(_REPORT_PREFIXES):
        with monitor_calls(session) as monitor:
            report = _wait(monitor, drift_report_name(name))
        _show(report)
        return
    request = monitor_pb2.WatchDriftStatusRequest(model_version=numbered_version(session, name))
    with monitor_calls(session) as monitor:
        for status_now in _statuses(monitor, request):
            show(status_now, drift_status_view)


@drift.command()
@click.argument("name", metavar="REPORT")
@json_option
@pass_session
def get(session: Session, /, name: str) -> None:
    """Show REPORT: the verdict as a whole and for each column."""
    with monitor_calls(session) as monitor:
        report = monitor.GetDriftReport(monitor_pb2.GetDriftReportRequest(name=drift_report_name(name)))
    show(report, drift_report_view)


@drift.command("list")
@click.option("--model", default="", metavar="VERSION", help="Only reports of this model version.")
@page_options
@json_option
@pass_session
def list_(session: Session, /, *, model: str, page_size: int, page_token: str) -> None:
    """List drift reports, newest first."""
    request = monitor_pb2.ListDriftReportsRequest(
        page_size=page_size, page_token=page_token, model_version=numbered_version(session, model) if model else ""
    )
    with monitor_calls(session) as monitor:
        page = monitor.ListDriftReports(request)
    show(page, lambda found: drift_report_list_view(found.drift_reports))
    if page.next_page_token:
        say(f"there are more: --page-token {page.next_page_token}")


@drift.command(epilog=examples("counterfoil drift read dr-0123456789ab --format html --output drift.html"))
@click.argument("name", metavar="REPORT")
@click.option(
    "--format",
    "form",
    type=click.Choice(list(_FORMATS)),
    default="html",
    show_default=True,
    help="For people or for machines.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="Where to write it.",
)
@json_option
@pass_session
def read(session: Session, /, name: str, *, form: str, output: Path) -> None:
    """Write the document of REPORT to a file: a page for people (html) or Evidently's result (json)."""
    request = monitor_pb2.ReadDriftReportRequest(name=drift_report_name(name), format=_FORMATS[form])
    with monitor_calls(session) as monitor:
        size = write_file(output, (each.chunk for each in monitor.ReadDriftReport(request)))
    if json_wanted():
        show_json({"drift_report": request.name, "format": form, "file": str(output), "bytes": size})
    say(f"wrote {output} ({size:,} bytes)")


@drift.command(epilog=examples("counterfoil drift status", "counterfoil drift status credit-default/2 --json"))
@click.argument("version", metavar="VERSION", default=_CHAMPION)
@click.option(
    "--etag", default="", metavar="ETAG", help="As last seen: if nothing has changed only the etag comes back."
)
@json_option
@pass_session
def status(session: Session, /, version: str, *, etag: str) -> None:
    """Tell whether the data of VERSION (by default the champion) has drifted: its windows and the newest report."""
    request = monitor_pb2.GetDriftStatusRequest(model_version=numbered_version(session, version), etag=etag)
    with monitor_calls(session) as monitor:
        found = monitor.GetDriftStatus(request)
    if etag and not found.model_version:
        say("nothing has changed")
    show(found, drift_status_view)


@drift.command()
@click.argument("name", metavar="REPORT")
@json_option
@pass_session
def cancel(session: Session, /, name: str) -> None:
    """Stop the making of REPORT; one that has ended stays as it is."""
    with monitor_calls(session) as monitor:
        report = monitor.CancelDriftReport(monitor_pb2.CancelDriftReportRequest(name=drift_report_name(name)))
    show(report, drift_report_view)


def _window(last: int | None, since: datetime | None, until: datetime | None) -> monitor_pb2.PredictionWindow:
    return monitor_pb2.PredictionWindow(last_count=last or 0, start_time=timestamp(since), end_time=timestamp(until))


def _wait(monitor: MonitorServiceStub, name: str) -> monitor_pb2.DriftReport:
    news = wait_for(
        name,
        lambda: monitor.WatchDriftReport(monitor_pb2.WatchDriftReportRequest(name=name)),
        job=lambda each: each.drift_report.job,
        later=f"counterfoil drift watch {name}",
    )
    return news.drift_report


def _statuses(
    monitor: MonitorServiceStub, request: monitor_pb2.WatchDriftStatusRequest
) -> Iterator[monitor_pb2.DriftStatus]:
    """Yield the status whenever it changes; the stream is opened anew when its deadline has passed."""
    while True:
        try:
            for news in monitor.WatchDriftStatus(request):
                request.etag = news.status.etag
                yield news.status
        except grpc.RpcError as error:
            if call_error(error).code != grpc.StatusCode.DEADLINE_EXCEEDED.name:
                raise
        else:
            return


def _show(report: monitor_pb2.DriftReport) -> None:
    show(report, drift_report_view)
    check_ended_well(report.name, report.job)
