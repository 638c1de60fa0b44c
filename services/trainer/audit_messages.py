"""Audit events between messages and the domain."""

import re
from collections.abc import Mapping

from counterfoil.trainer.v1 import governance_pb2
from services.trainer.auditing import CHANGING_VERBS
from services.trainer.domain.audit import AuditEvent, EventFilter, Known, Outcome, TrailReport
from shared.errors import FieldViolation, InvalidInput
from shared.rpc.times import moment_of, timestamp_of

_OUTCOMES: Mapping[Outcome, governance_pb2.AuditOutcome.ValueType] = {
    outcome: governance_pb2.AuditOutcome.Value(f"AUDIT_OUTCOME_{outcome.value}") for outcome in Outcome
}
_HASH = re.compile(r"[0-9a-f]{64}")


def filter_from_proto(request: governance_pb2.ListAuditEventsRequest) -> EventFilter:
    """Return which events are asked for; raises InvalidInput for an action that leaves no event, or no moment."""
    if request.action and not request.action.startswith(CHANGING_VERBS):
        verbs = ", ".join(CHANGING_VERBS)
        raise InvalidInput.of("action", f"must be the name of an rpc that changes something, beginning with {verbs}")
    return EventFilter(
        resource=request.resource.removesuffix("/"),
        caller=request.caller,
        action=request.action,
        start_time=moment_of(request.start_time, "start_time") if request.HasField("start_time") else None,
        end_time=moment_of(request.end_time, "end_time") if request.HasField("end_time") else None,
    )


def known_from_proto(request: governance_pb2.VerifyAuditTrailRequest) -> Known | None:
    """Return the link that was noted, None if none was; raises InvalidInput for half of one."""
    if not request.known_sequence and not request.known_hash:
        return None
    violations = []
    if request.known_sequence < 1:
        violations.append(FieldViolation("known_sequence", "must be 1 or more, the place that known_hash belongs to"))
    if not _HASH.fullmatch(request.known_hash):
        violations.append(FieldViolation("known_hash", "must be 64 lower-case hexadecimal digits"))
    if violations:
        raise InvalidInput(violations)
    return Known(request.known_sequence, request.known_hash)


def event_to_proto(event: AuditEvent) -> governance_pb2.AuditEvent:
    """Return the event as it goes over the wire."""
    intent = event.intent
    return governance_pb2.AuditEvent(
        sequence=event.sequence,
        time=timestamp_of(event.time),
        caller=intent.caller,
        action=intent.action,
        resource=intent.resource,
        reason=intent.reason,
        request_id=intent.request_id,
        details=intent.details,
        outcome=_OUTCOMES[event.outcome],
        end_time=timestamp_of(event.end_time),
        error_reason=event.error_reason,
        hash=event.hash,
    )


def report_to_proto(report: TrailReport) -> governance_pb2.AuditTrailReport:
    """Return what was found as it goes over the wire."""
    return governance_pb2.AuditTrailReport(
        intact=report.broken_sequence is None,
        head_sequence=report.head_sequence,
        head_hash=report.head_hash,
        broken_sequence=report.broken_sequence,
        problem=report.problem,
    )
