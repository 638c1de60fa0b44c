"""`counterfoil audit failures`: calls that scorers did not answer."""

from datetime import datetime

import click

from counterfoil.cli.moments import MOMENT, timestamp
from counterfoil.cli.options import examples, page_options
from counterfoil.cli.output import json_option, say, show
from counterfoil.cli.session import Session, monitor_calls, pass_session
from counterfoil.cli.views.failures import failures_view
from counterfoil.monitor.v1 import failure_pb2


@click.command(
    epilog=examples("counterfoil audit failures", "counterfoil audit failures --since 2026-01-01 --page-size 500")
)
@click.option("--since", type=MOMENT, metavar="TIME", help="Only from this moment on, in UTC.")
@click.option("--until", type=MOMENT, metavar="TIME", help="Only before this moment, in UTC.")
@page_options
@json_option
@pass_session
def failures(
    session: Session, /, *, since: datetime | None, until: datetime | None, page_size: int, page_token: str
) -> None:
    """List calls, and rows of calls, that no scorer answered, newest first; none of them is a decision."""
    request = failure_pb2.ListFailuresRequest(
        start_time=timestamp(since), end_time=timestamp(until), page_size=page_size, page_token=page_token
    )
    with monitor_calls(session) as monitor:
        page = monitor.ListFailures(request)
    show(page, lambda found: failures_view(found.failures))
    if page.next_page_token:
        say(f"there are more: --page-token {page.next_page_token}")
