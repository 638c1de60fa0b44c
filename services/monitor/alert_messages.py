"""Alerts between messages and the domain."""

import re
from collections.abc import Mapping

from counterfoil.monitor.v1 import alert_pb2
from services.monitor.domain.alerts import Alert, AlertFilter, AlertState
from services.monitor.domain.rules import Severity
from services.monitor.messages import filter_from_proto
from shared.errors import InvalidInput
from shared.rpc.times import timestamp_of

_NAME = re.compile(r"alerts/([a-z0-9-]{1,64})")
_MOST_DIGITS = 18
_STATES: Mapping[AlertState, alert_pb2.AlertState.ValueType] = {
    AlertState.RAISED: alert_pb2.ALERT_STATE_RAISED,
    AlertState.ACKNOWLEDGED: alert_pb2.ALERT_STATE_ACKNOWLEDGED,
    AlertState.RESOLVED: alert_pb2.ALERT_STATE_RESOLVED,
}
_SEVERITIES: Mapping[Severity, alert_pb2.AlertSeverity.ValueType] = {
    Severity.INFO: alert_pb2.ALERT_SEVERITY_INFO,
    Severity.WARNING: alert_pb2.ALERT_SEVERITY_WARNING,
    Severity.CRITICAL: alert_pb2.ALERT_SEVERITY_CRITICAL,
}


def alert_id_from_proto(name: str) -> str:
    """Return the id in alerts/{id}; raises InvalidInput for another name."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise InvalidInput.of("name", "is not of the form alerts/{id}")
    return match[1]


def wanted_from_proto(request: alert_pb2.ListAlertsRequest) -> AlertFilter:
    """Return which alerts are asked for; raises InvalidInput for what no alert can be."""
    return AlertFilter(
        states=tuple(_state_from_proto(place, state) for place, state in enumerate(request.states)),
        severity=_severity_from_proto(request.severity),
        model_version=filter_from_proto(request.model_version),
    )


def position_from_token(token: str) -> int:
    """Return the position that a token stands for, 0 for none; raises InvalidInput for what was never a token."""
    if token and not (token.isdecimal() and len(token) <= _MOST_DIGITS):
        raise InvalidInput.of("page_token", "is not a token of this list; leave it empty to start anew")
    return int(token or 0)


def alert_to_proto(alert: Alert) -> alert_pb2.Alert:
    """Return the alert as it goes over the wire."""
    finding, seen = alert.finding, alert.acknowledgement
    return alert_pb2.Alert(
        name=f"alerts/{alert.id}",
        state=_STATES[alert.state],
        severity=_SEVERITIES[finding.severity],
        rule=finding.rule,
        watch=finding.watch,
        reason=finding.reason,
        message=finding.message,
        model_version=finding.model_version,
        subject=finding.subject,
        value=finding.value,
        bound=finding.bound,
        rows=finding.rows,
        first_time=timestamp_of(alert.first_time),
        last_time=timestamp_of(alert.last_time),
        count=alert.count,
        resolve_time=timestamp_of(alert.resolve_time),
        acknowledged_by=seen.caller if seen else "",
        acknowledge_time=timestamp_of(seen.time) if seen else None,
        note=seen.note if seen else "",
    )


def _state_from_proto(place: int, value: alert_pb2.AlertState.ValueType) -> AlertState:
    by_value = {proto: state for state, proto in _STATES.items()}
    if value not in by_value:
        raise InvalidInput.of(f"states[{place}]", f"must be one of {', '.join(AlertState)}")
    return by_value[value]


def _severity_from_proto(value: alert_pb2.AlertSeverity.ValueType) -> Severity | None:
    by_value = {proto: severity for severity, proto in _SEVERITIES.items()}
    if value != alert_pb2.ALERT_SEVERITY_UNSPECIFIED and value not in by_value:
        raise InvalidInput.of("severity", f"must be one of {', '.join(Severity).upper()}, or unset for any")
    return by_value.get(value)
