"""`counterfoil retrain`: proposals to train a model anew, and the decision on them."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from counterfoil.cli.names import (
    CHAMPION,
    DEFAULT_MODEL,
    model_name,
    model_version_name,
    retrain_proposal_name,
)
from counterfoil.cli.options import examples, page_options
from counterfoil.cli.output import json_option, say, show
from counterfoil.cli.session import Session, monitor_calls, pass_session
from counterfoil.cli.views.challenger import challenger_view
from counterfoil.cli.views.retrain import proposal_list_view, proposal_view
from counterfoil.monitor.v1 import challenger_pb2, retraining_pb2, window_pb2

_LONGEST_S: Final = 600.0
_STATES: Final = ("open", "rejected", "approved", "training", "succeeded", "failed")

Function = TypeVar("Function", bound=Callable[..., Any])


@click.group()
def retrain() -> None:
    """See what the monitor proposes to train anew, decide on it, and see how a challenger would have decided."""


def _decision_options(command: Function) -> Function:
    """Give a command --reason and --etag."""
    etag = click.option("--etag", default="", metavar="ETAG", help="As last seen: refused if it has changed since.")
    reason = click.option("--reason", required=True, metavar="TEXT", help="Why, for an auditor.")
    return reason(etag(command))


@retrain.command("list", epilog=examples("counterfoil retrain list --state open"))
@click.option("--state", "states", type=click.Choice(_STATES), multiple=True, help="Only in this state; repeatable.")
@click.option("--model", default="", metavar="MODEL", help="Only about this model.")
@page_options
@json_option
@pass_session
def list_(session: Session, /, *, states: tuple[str, ...], model: str, page_size: int, page_token: str) -> None:
    """List retrain proposals, newest first."""
    known = retraining_pb2.RetrainProposalState
    request = retraining_pb2.ListRetrainProposalsRequest(
        states=[known.Value(f"RETRAIN_PROPOSAL_STATE_{state.upper()}") for state in states],
        model=model_name(model) if model else "",
        page_size=page_size,
        page_token=page_token,
    )
    with monitor_calls(session) as monitor:
        page = monitor.ListRetrainProposals(request)
    show(page, lambda found: proposal_list_view(found.retrain_proposals))
    if page.next_page_token:
        say(f"there are more: --page-token {page.next_page_token}")


@retrain.command("show")
@click.argument("name", metavar="PROPOSAL")
@json_option
@pass_session
def show_(session: Session, /, name: str) -> None:
    """Show PROPOSAL: why, from which data, with which settings, and what came of it."""
    request = retraining_pb2.GetRetrainProposalRequest(name=retrain_proposal_name(name))
    with monitor_calls(session) as monitor:
        proposal = monitor.GetRetrainProposal(request)
    show(proposal, proposal_view)


@retrain.command(
    epilog=examples(
        "counterfoil retrain compare --last 20000",
        "counterfoil retrain compare credit-default/3 --challenger credit-default/5",
    )
)
@click.argument("version", metavar="VERSION", default=f"{DEFAULT_MODEL}/{CHAMPION}")
@click.option("--challenger", default="", metavar="VERSION", help="Who decides again.  [default: the challenger]")
@click.option("--last", type=click.IntRange(1, 1_000_000), default=5_000, show_default=True, help="Newest decisions.")
@click.option(
    "--max-rows", type=click.IntRange(100, 100_000), default=20_000, show_default=True, help="Sample down to so many."
)
@json_option
@pass_session
def compare(session: Session, /, version: str, *, challenger: str, last: int, max_rows: int) -> None:
    """Tell how a challenger would have decided on what VERSION (by default the champion) decided; records nothing."""
    request = challenger_pb2.CompareChallengerRequest(
        model_version=model_version_name(version),
        challenger=model_version_name(challenger) if challenger else "",
        window=window_pb2.PredictionWindow(last_count=last),
        max_rows=max_rows,
    )
    with monitor_calls(session) as monitor:
        found = monitor.CompareChallenger(request, timeout=_LONGEST_S)
    show(found, challenger_view)


@retrain.command(epilog=examples('counterfoil retrain approve rp-0123456789ab --reason "the bureau changed"'))
@click.argument("name", metavar="PROPOSAL")
@_decision_options
@json_option
@pass_session
def approve(session: Session, /, name: str, *, reason: str, etag: str) -> None:
    """Have the trainer train anew as PROPOSAL says; the new version becomes challenger, never champion by itself."""
    request = retraining_pb2.ApproveRetrainProposalRequest(name=retrain_proposal_name(name), reason=reason, etag=etag)
    with monitor_calls(session) as monitor:
        proposal = monitor.ApproveRetrainProposal(request)
    show(proposal, proposal_view)


@retrain.command()
@click.argument("name", metavar="PROPOSAL")
@_decision_options
@json_option
@pass_session
def reject(session: Session, /, name: str, *, reason: str, etag: str) -> None:
    """Decide against PROPOSAL; its alert does not propose again."""
    request = retraining_pb2.RejectRetrainProposalRequest(name=retrain_proposal_name(name), reason=reason, etag=etag)
    with monitor_calls(session) as monitor:
        proposal = monitor.RejectRetrainProposal(request)
    show(proposal, proposal_view)
