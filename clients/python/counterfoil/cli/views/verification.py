"""What people see of a check of the prediction log."""

from rich.console import RenderableType

from counterfoil.cli.views.layout import facts, whole, word
from counterfoil.monitor.v1 import verification_pb2


def verdict_view(verdict: verification_pb2.LogVerdict) -> RenderableType:
    """Return what was checked and whether it is as it was sealed."""
    return facts(
        [
            ("prediction log", "intact" if verdict.intact else word(_KIND, verdict.fault.kind)),
            ("problem", "" if verdict.intact else fault_words(verdict.fault)),
            ("file", verdict.fault.file),
            ("instances", whole(verdict.instances)),
            ("segments", whole(verdict.segments)),
            ("records", whole(verdict.records)),
            ("erased records", whole(verdict.erased_records)),
            ("receipts found", whole(verdict.receipts)),
        ]
    )


def fault_words(fault: verification_pb2.LogFault) -> str:
    """Return where something is wrong, and what."""
    places = (
        ("instance", fault.instance),
        ("segment", str(fault.number or "")),
        ("record", str(fault.sequence or "")),
    )
    where = " ".join(f"{name} {place}" for name, place in places if place)
    return f"{where}: {fault.problem}" if where else fault.problem


_KIND = verification_pb2.LogFaultKind.DESCRIPTOR
