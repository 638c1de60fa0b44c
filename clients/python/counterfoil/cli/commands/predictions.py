"""`counterfoil predictions`: what was decided, on what, why, and what a person decided instead."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import click

from counterfoil.cli.moments import MOMENT, timestamp
from counterfoil.cli.names import prediction_name
from counterfoil.cli.options import examples, page_options, request_id_option
from counterfoil.cli.output import json_option, say, show
from counterfoil.cli.session import Session, monitor_calls, pass_session
from counterfoil.cli.versions import numbered_version
from counterfoil.cli.views.predictions import override_view, prediction_list_view, prediction_view
from counterfoil.monitor.v1 import monitor_pb2, prediction_log_pb2
from counterfoil.types.v1 import prediction_pb2

_DECISIONS: Final = {
    "approve": prediction_pb2.DECISION_APPROVE,
    "refuse": prediction_pb2.DECISION_REFUSE,
    "refer": prediction_pb2.DECISION_REFER,
}
_PURPOSES: Final = {
    "decision": prediction_pb2.PURPOSE_DECISION,
    "test": prediction_pb2.PURPOSE_TEST,
    "what-if": prediction_pb2.PURPOSE_WHAT_IF,
    "shadow": prediction_pb2.PURPOSE_SHADOW,
}


@click.group()
def predictions() -> None:
    """Find what was logged, show it with its proof, and record what a person decided instead."""


@predictions.command(epilog=examples("counterfoil predictions get credit-default/2/0b5f6c9e-..."))
@click.argument("name", metavar="PREDICTION")
@click.option("--reasons", type=click.IntRange(0), default=10, show_default=True, metavar="N", help="Most to show.")
@json_option
@pass_session
def get(session: Session, /, name: str, *, reasons: int) -> None:
    """Show PREDICTION: decision, overrides, inputs, reasons, and the proof that it is what was logged."""
    request = prediction_log_pb2.GetPredictionRequest(name=prediction_name(name))
    with monitor_calls(session) as monitor:
        found = monitor.GetPrediction(request)
    show(found, lambda prediction: prediction_view(prediction, reasons=reasons))


@predictions.command(
    "list",
    epilog=examples(
        "counterfoil predictions list --applicant 100001",
        "counterfoil predictions list --model 2 --decision refuse --since 2026-01-01",
        "counterfoil predictions list --model 2 --last 5000    # what a drift report on it looks at",
    ),
)
@click.option("--model", default="", metavar="VERSION", help="Only by this model version.")
@click.option("--since", type=MOMENT, metavar="TIME", help="Only from this moment on, in UTC.")
@click.option("--until", type=MOMENT, metavar="TIME", help="Only before this moment, in UTC.")
@click.option("--decision", "decisions", type=click.Choice(list(_DECISIONS)), multiple=True, help="Only so decided.")
@click.option("--purpose", "purposes", type=click.Choice(list(_PURPOSES)), multiple=True, help="Only scored for it.")
@click.option("--applicant", "applicant_id", default="", metavar="ID", help="Only about this applicant.")
@click.option("--application-number", default="", metavar="TEXT", help="Only about this application of the lender's.")
@click.option("--last", type=click.IntRange(1, 1_000_000), metavar="N", help="Only the newest N decisions.")
@page_options
@json_option
@pass_session
def list_(
    session: Session,
    /,
    *,
    model: str,
    since: datetime | None,
    until: datetime | None,
    decisions: Sequence[str],
    purposes: Sequence[str],
    applicant_id: str,
    application_number: str,
    last: int | None,
    page_size: int,
    page_token: str,
) -> None:
    """List what was logged, newest first; --last, --since and --until together are the window of a drift report."""
    request = prediction_log_pb2.ListPredictionsRequest(
        page_size=page_size,
        page_token=page_token,
        model_version=numbered_version(session, model) if model else "",
        decisions=[_DECISIONS[each] for each in decisions],
        purposes=[_PURPOSES[each] for each in purposes],
        applicant_id=applicant_id,
        application_number=application_number,
    )
    if last is None:
        request.MergeFrom(
            prediction_log_pb2.ListPredictionsRequest(start_time=timestamp(since), end_time=timestamp(until))
        )
    else:
        window = monitor_pb2.PredictionWindow(last_count=last, start_time=timestamp(since), end_time=timestamp(until))
        request.window.CopyFrom(window)
    with monitor_calls(session) as monitor:
        page = monitor.ListPredictions(request)
    show(page, lambda found: prediction_list_view(found.predictions))
    if page.next_page_token:
        say(f"there are more: --page-token {page.next_page_token}")


@predictions.command(
    epilog=examples(
        "counterfoil predictions override credit-default/2/0b5f6c9e-... --decision approve \\",
        '    --code INCOME_PROVEN --reason "payslips of six months" --officer "A. Clerk"',
    )
)
@click.argument("name", metavar="PREDICTION")
@click.option("--decision", required=True, type=click.Choice(list(_DECISIONS)), help="What was decided instead.")
@click.option("--code", "reason_code", required=True, metavar="CODE", help="The lender's own code of the reason.")
@click.option("--reason", required=True, metavar="TEXT", help="The reason in words.")
@click.option("--officer", default="", metavar="NAME", help="Who decided.  [default: the caller]")
@request_id_option
@json_option
@pass_session
def override(
    session: Session, /, name: str, *, decision: str, reason_code: str, reason: str, officer: str, request_id: str
) -> None:
    """Record that a person decided otherwise than the model; of several overrides the last counts."""
    request = prediction_log_pb2.RecordOverrideRequest(
        request_id=request_id,
        prediction=prediction_name(name),
        decision=_DECISIONS[decision],
        reason_code=reason_code,
        reason=reason,
        officer=officer,
    )
    with monitor_calls(session) as monitor:
        recorded = monitor.RecordOverride(request)
    show(recorded, override_view)
