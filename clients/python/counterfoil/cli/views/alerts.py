"""What people see of alerts."""

from collections.abc import Iterable
from typing import Final

from rich.console import RenderableType

from counterfoil.cli.views.layout import facts, figure, identifier, listing, moment, short_version, whole, word
from counterfoil.monitor.v1 import alert_pb2

_STATE: Final = alert_pb2.AlertState.DESCRIPTOR
_SEVERITY: Final = alert_pb2.AlertSeverity.DESCRIPTOR


def alert_list_view(alerts: Iterable[alert_pb2.Alert]) -> RenderableType:
    """Return one line for each alert."""
    rows = [
        (
            identifier(alert.name),
            word(_STATE, alert.state),
            word(_SEVERITY, alert.severity),
            alert.rule,
            "; ".join(part for part in (short_version(alert.model_version), alert.subject) if part),
            moment(alert.first_time),
            whole(alert.count),
        )
        for alert in alerts
    ]
    return listing(("alert", "state", "severity", "rule", "about", "first found", "times"), rows, right=("times",))


def alert_view(alert: alert_pb2.Alert) -> RenderableType:
    """Return everything about an alert."""
    seen = f"{alert.acknowledged_by}, {moment(alert.acknowledge_time)}" if alert.acknowledged_by else ""
    return facts(
        [
            ("alert", alert.name),
            ("state", word(_STATE, alert.state)),
            ("severity", word(_SEVERITY, alert.severity)),
            ("what", alert.message),
            ("reason", alert.reason),
            ("rule", f"{alert.rule} (watches {alert.watch})"),
            ("model version", alert.model_version),
            ("subject", alert.subject),
            ("figure", figure(alert.value) if alert.HasField("value") else ""),
            ("bound", figure(alert.bound) if alert.HasField("bound") else ""),
            ("decisions", whole(alert.rows) if alert.HasField("rows") else ""),
            ("found", f"{whole(alert.count)} times, from {moment(alert.first_time)} to {moment(alert.last_time)}"),
            ("resolved", moment(alert.resolve_time)),
            ("acknowledged by", seen),
            ("note", alert.note),
        ]
    )
