"""What people see of the audit trail."""

from collections.abc import Iterable
from typing import Final

from rich.console import RenderableType

from counterfoil.cli.views.layout import facts, listing, moment, word
from counterfoil.trainer.v1 import governance_pb2

# Those that choose something; others name what the resource tells anyway.
_TOLD: Final = ("alias", "threshold")
_OUTCOME: Final = governance_pb2.AuditOutcome.DESCRIPTOR


def audit_events_view(events: Iterable[governance_pb2.AuditEvent]) -> RenderableType:
    """Return one line for each event."""
    rows = [
        (
            moment(event.time),
            event.caller,
            event.action,
            event.resource,
            event.error_reason or word(_OUTCOME, event.outcome),
            "; ".join(part for part in (_details(event), event.reason) if part),
        )
        for event in events
    ]
    return listing(("time", "caller", "action", "resource", "outcome", "what and why"), rows)


def trail_report_view(report: governance_pb2.AuditTrailReport) -> RenderableType:
    """Return what the check found, with the head to keep."""
    return facts(
        [
            ("audit trail", "intact" if report.intact else f"broken at link {report.broken_sequence}"),
            ("problem", report.problem),
            ("head", f"{report.head_sequence}:{report.head_hash}"),
        ]
    )


def _details(event: governance_pb2.AuditEvent) -> str:
    return ", ".join(f"{name}={event.details[name]}" for name in _TOLD if event.details.get(name))
