"""`counterfoil alerts`: what the monitor's rules have found, and that somebody has seen it."""

from typing import Final

import click

from counterfoil.cli.names import alert_name, model_version_name
from counterfoil.cli.options import examples, page_options
from counterfoil.cli.output import json_option, say, show
from counterfoil.cli.session import Session, monitor_calls, pass_session
from counterfoil.cli.views.alerts import alert_list_view, alert_view
from counterfoil.monitor.v1 import alert_pb2

_STATES: Final = {
    "raised": alert_pb2.ALERT_STATE_RAISED,
    "acknowledged": alert_pb2.ALERT_STATE_ACKNOWLEDGED,
    "resolved": alert_pb2.ALERT_STATE_RESOLVED,
}
_SEVERITIES: Final = {
    "info": alert_pb2.ALERT_SEVERITY_INFO,
    "warning": alert_pb2.ALERT_SEVERITY_WARNING,
    "critical": alert_pb2.ALERT_SEVERITY_CRITICAL,
}


@click.group()
def alerts() -> None:
    """See what the monitor's rules have found: drift, worse decisions, gaps in the log."""


@alerts.command(
    "list",
    epilog=examples("counterfoil alerts list --state raised", "counterfoil alerts list --model credit-default/2"),
)
@click.option("--state", "states", type=click.Choice([*_STATES]), multiple=True, help="Only in this state; repeatable.")
@click.option("--severity", type=click.Choice([*_SEVERITIES]), help="Only of this severity.")
@click.option("--model", default="", metavar="VERSION", help="Only about this model version, by its number.")
@page_options
@json_option
@pass_session
def list_(
    session: Session,
    /,
    *,
    states: tuple[str, ...],
    severity: str | None,
    model: str,
    page_size: int,
    page_token: str,
) -> None:
    """List alerts, the last raised first."""
    request = alert_pb2.ListAlertsRequest(
        states=[_STATES[state] for state in states],
        severity=_SEVERITIES[severity] if severity else alert_pb2.ALERT_SEVERITY_UNSPECIFIED,
        model_version=model_version_name(model) if model else "",
        page_size=page_size,
        page_token=page_token,
    )
    with monitor_calls(session) as monitor:
        page = monitor.ListAlerts(request)
    show(page, lambda found: alert_list_view(found.alerts))
    if page.next_page_token:
        say(f"there are more: --page-token {page.next_page_token}")


@alerts.command("show")
@click.argument("name", metavar="ALERT")
@json_option
@pass_session
def show_(session: Session, /, name: str) -> None:
    """Show ALERT: what was found, by which rule, since when, and who has seen it."""
    with monitor_calls(session) as monitor:
        alert = monitor.GetAlert(alert_pb2.GetAlertRequest(name=alert_name(name)))
    show(alert, alert_view)


@alerts.command(epilog=examples('counterfoil alerts acknowledge al-0123456789ab --note "a bureau was down"'))
@click.argument("name", metavar="ALERT")
@click.option("--note", default="", metavar="TEXT", help="What is known or done about it.")
@json_option
@pass_session
def acknowledge(session: Session, /, name: str, *, note: str) -> None:
    """Say that you have seen ALERT; it stays open while its condition holds."""
    with monitor_calls(session) as monitor:
        alert = monitor.AcknowledgeAlert(alert_pb2.AcknowledgeAlertRequest(name=alert_name(name), note=note))
    show(alert, alert_view)
