"""What people see of erasures."""

from collections.abc import Iterable

from rich.console import RenderableType

from counterfoil.cli.views.jobs import job_facts, state_word
from counterfoil.cli.views.layout import facts, identifier, listing, moment, whole
from counterfoil.monitor.v1 import erasure_pb2


def erasure_view(erasure: erasure_pb2.Erasure) -> RenderableType:
    """Return why it was asked for and what it erased."""
    return facts(
        [
            ("erasure", identifier(erasure.name)),
            ("reason", erasure.reason),
            ("reference", erasure.reference),
            *job_facts(erasure.job),
            ("records erased", whole(erasure.record_count)),
            ("rows emptied", whole(erasure.projected_row_count)),
            ("files replaced", whole(erasure.file_count)),
        ]
    )


def erasure_list_view(erasures: Iterable[erasure_pb2.Erasure]) -> RenderableType:
    """Return one line for each erasure."""
    rows = [
        (
            moment(each.job.create_time),
            identifier(each.name),
            state_word(each.job),
            whole(each.record_count),
            each.reference,
            each.reason,
        )
        for each in erasures
    ]
    return listing(("time", "erasure", "state", "records", "reference", "reason"), rows, right=("records",))
