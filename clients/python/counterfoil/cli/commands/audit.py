"""`counterfoil audit`: who changed what, and whether the record of it is whole."""

from datetime import datetime
from typing import Final

import click

from counterfoil.cli.commands.erasures import erase, erasures, retain
from counterfoil.cli.commands.failures import failures
from counterfoil.cli.commands.replay import replay
from counterfoil.cli.commands.verification import verify_log
from counterfoil.cli.failures import CommandFailed
from counterfoil.cli.moments import MOMENT, timestamp
from counterfoil.cli.options import examples, page_options
from counterfoil.cli.output import json_option, say, show
from counterfoil.cli.session import Session, pass_session, trainer_calls
from counterfoil.cli.views.audit import audit_events_view, trail_report_view
from counterfoil.trainer.v1 import governance_pb2

_MOST_DIGITS: Final = 18


@click.group()
def audit() -> None:
    """Look at who changed what, when and why, and check the records of it and of all predictions."""


for _command in (verify_log, replay, failures, erase, retain, erasures):
    audit.add_command(_command)


@audit.command(
    "list",
    epilog=examples(
        "counterfoil audit list --resource models/credit-default",
        "counterfoil audit list --action PromoteModelVersion --since 2026-01-01",
    ),
)
@click.option("--resource", default="", metavar="NAME", help="Only about it and what lies below it.")
@click.option("--caller", default="", metavar="NAME", help="Only by this caller.")
@click.option("--action", default="", metavar="RPC", help="Only calls of this rpc, for example PromoteModelVersion.")
@click.option("--since", type=MOMENT, metavar="TIME", help="Only from this moment on, in UTC.")
@click.option("--until", type=MOMENT, metavar="TIME", help="Only before this moment, in UTC.")
@page_options
@json_option
@pass_session
def list_(
    session: Session,
    /,
    *,
    resource: str,
    caller: str,
    action: str,
    since: datetime | None,
    until: datetime | None,
    page_size: int,
    page_token: str,
) -> None:
    """List calls that changed something, or were to, newest first."""
    request = governance_pb2.ListAuditEventsRequest(
        resource=resource,
        caller=caller,
        action=action,
        start_time=timestamp(since),
        end_time=timestamp(until),
        page_size=page_size,
        page_token=page_token,
    )
    with trainer_calls(session) as trainer:
        page = trainer.ListAuditEvents(request)
    show(page, lambda found: audit_events_view(found.audit_events))
    if page.next_page_token:
        say(f"there are more: --page-token {page.next_page_token}")


@audit.command(epilog=examples("counterfoil audit verify", "counterfoil audit verify --known 120:9f86d0..."))
@click.option(
    "--known", default="", metavar="N:HASH", help="A head that an earlier check printed and you kept elsewhere."
)
@json_option
@pass_session
def verify(session: Session, /, known: str) -> None:
    """Check that no event was changed, left out or put in between; exit code 1 if one was.

    Keep the head that this prints where the trainer's operator cannot write: only a head from elsewhere shows that the
    whole trail was cut off or written anew.
    """
    sequence, _, hash_ = known.partition(":")
    if known and not (sequence.isdecimal() and len(sequence) <= _MOST_DIGITS and hash_):
        raise click.BadParameter(f"{known!r} is no N:HASH", param_hint="--known")
    request = governance_pb2.VerifyAuditTrailRequest(known_sequence=int(sequence or 0), known_hash=hash_)
    with trainer_calls(session) as trainer:
        report = trainer.VerifyAuditTrail(request)
    show(report, trail_report_view)
    if not report.intact:
        where = f"link {report.broken_sequence} of the audit trail: {report.problem}"
        raise CommandFailed(where, reason="AUDIT_TRAIL_BROKEN")
