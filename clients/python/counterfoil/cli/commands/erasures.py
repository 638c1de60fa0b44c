"""`counterfoil audit erase` and `audit erasures`: one person's data out of the prediction log."""

from datetime import UTC, datetime, timedelta
from typing import Final

import click

from counterfoil.cli.failures import check_ended_well
from counterfoil.cli.jobs import wait_for
from counterfoil.cli.moments import timestamp
from counterfoil.cli.options import examples, page_options, request_id_option, wait_option
from counterfoil.cli.output import json_option, say, show
from counterfoil.cli.session import Session, monitor_calls, pass_session
from counterfoil.cli.views.erasures import erasure_list_view, erasure_view
from counterfoil.monitor.v1 import erasure_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub

_APPLICANT: Final = click.option("--applicant", "applicant_id", default="", metavar="ID", help="Whose data.")
_APPLICATION: Final = click.option(
    "--application-number", default="", metavar="TEXT", help="Or of which application, by the lender's number."
)


@click.command(
    epilog=examples(
        'counterfoil audit erase --applicant 100001 --reason "request under Article 17 GDPR" --reference "case 12"'
    )
)
@_APPLICANT
@_APPLICATION
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept for good, so it must not name the person.")
@click.option("--reference", default="", metavar="TEXT", help="The lender's own number of the case.")
@request_id_option
@wait_option
@json_option
@pass_session
def erase(
    session: Session,
    /,
    *,
    applicant_id: str,
    application_number: str,
    reason: str,
    reference: str,
    request_id: str,
    wait: bool,
) -> None:
    """Erase an applicant's inputs and identity from the prediction log; decisions, reasons and proofs stay.

    Erased is what was stored until now. It cannot be undone.
    """
    if bool(applicant_id) == bool(application_number):
        raise click.UsageError("give either --applicant or --application-number")
    request = erasure_pb2.ErasePersonalDataRequest(
        request_id=request_id,
        subject=_subject(applicant_id, application_number),
        reason=reason,
        reference=reference,
    )
    _start(session, request, wait=wait)


@click.command(epilog=examples('counterfoil audit retain --days 730 --reason "two years, policy 7"'))
@click.option("--days", required=True, type=click.IntRange(1, 36_500), metavar="N", help="How long it is kept.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept for good.")
@request_id_option
@wait_option
@json_option
@pass_session
def retain(session: Session, /, *, days: int, reason: str, request_id: str, wait: bool) -> None:
    """Keep inputs and identities of the last N days and erase older ones; decisions, reasons and proofs stay.

    Run it daily to hold a retention period. It cannot be undone.
    """
    before = timestamp(datetime.now(UTC) - timedelta(days=days))
    subject = erasure_pb2.ErasureSubject(stored_before=before)
    request = erasure_pb2.ErasePersonalDataRequest(request_id=request_id, subject=subject, reason=reason)
    _start(session, request, wait=wait)


@click.command(epilog=examples("counterfoil audit erasures", "counterfoil audit erasures --applicant 100001"))
@_APPLICANT
@_APPLICATION
@page_options
@json_option
@pass_session
def erasures(
    session: Session, /, *, applicant_id: str, application_number: str, page_size: int, page_token: str
) -> None:
    """List erasures, newest first; whom they were about is known only to who names the person."""
    request = erasure_pb2.ListErasuresRequest(page_size=page_size, page_token=page_token)
    if applicant_id or application_number:
        request.subject.CopyFrom(_subject(applicant_id, application_number))
    with monitor_calls(session) as monitor:
        page = monitor.ListErasures(request)
    show(page, lambda found: erasure_list_view(found.erasures))
    if page.next_page_token:
        say(f"there are more: --page-token {page.next_page_token}")


def _subject(applicant_id: str, application_number: str) -> erasure_pb2.ErasureSubject:
    if applicant_id:
        return erasure_pb2.ErasureSubject(applicant_id=applicant_id)
    return erasure_pb2.ErasureSubject(application_number=application_number)


def _start(session: Session, request: erasure_pb2.ErasePersonalDataRequest, *, wait: bool) -> None:
    with monitor_calls(session) as monitor:
        erasure = monitor.ErasePersonalData(request)
        say(f"{erasure.name} has begun")
        if wait:
            erasure = _wait(monitor, erasure.name)
    show(erasure, erasure_view)
    check_ended_well(erasure.name, erasure.job)


def _wait(monitor: MonitorServiceStub, name: str) -> erasure_pb2.Erasure:
    news = wait_for(
        name,
        lambda: monitor.WatchErasure(erasure_pb2.WatchErasureRequest(name=name)),
        job=lambda each: each.erasure.job,
        later="counterfoil audit erasures",
    )
    return news.erasure
