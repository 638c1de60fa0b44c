"""What people see of calls without an answer."""

from collections.abc import Iterable

from rich.console import RenderableType

from counterfoil.cli.views.layout import listing, moment
from counterfoil.monitor.v1 import failure_pb2


def failures_view(failures: Iterable[failure_pb2.Failure]) -> RenderableType:
    """Return one line for each failure."""
    rows = [
        (
            moment(each.call.end_time),
            each.call.method,
            str(each.call.row) if each.call.HasField("row") else "",
            each.call.caller,
            each.call.reason or each.call.code,
            ", ".join(each.request.fields),
            str(each.call.count),
        )
        for each in failures
    ]
    return listing(("time", "method", "row", "caller", "reason", "fields", "count"), rows)
