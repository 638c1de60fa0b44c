"""`counterfoil outcomes`: what became of loans, once the lender knows."""

from pathlib import Path
from typing import Final

import click

from counterfoil.cli.failures import CommandFailed
from counterfoil.cli.options import examples
from counterfoil.cli.outcomes_file import read_outcomes
from counterfoil.cli.output import json_option, show
from counterfoil.cli.session import Session, monitor_calls, pass_session
from counterfoil.cli.views.outcomes import outcomes_view, recorded_view
from counterfoil.monitor.v1 import outcome_pb2

_AT_ONCE: Final = 10_000


@click.group()
def outcomes() -> None:
    """Tell the monitor which loans were repaid, and see what it was told."""


@outcomes.command(epilog=examples("counterfoil outcomes record defaults-2026-03.csv"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@pass_session
def record(session: Session, /, file: Path) -> None:
    """Record the outcomes of FILE, a CSV; sent again it changes nothing. Exit code 1 if a line is refused.

    Columns: prediction (its full name), or applicant_id and date (as-of date or day of the decision) and perhaps
    model_version; defaulted (true or false); observed (date or time, UTC); perhaps loss_amount.
    """
    reports = read_outcomes(file)
    response = outcome_pb2.RecordOutcomesResponse()
    with monitor_calls(session) as monitor:
        for start in range(0, len(reports), _AT_ONCE):
            request = outcome_pb2.RecordOutcomesRequest(outcomes=reports[start : start + _AT_ONCE])
            part = monitor.RecordOutcomes(request)
            response.results.extend(part.results)
            response.stored_count += part.stored_count
            response.already_stored_count += part.already_stored_count
            response.refused_count += part.refused_count
    show(response, recorded_view)
    if response.refused_count:
        message = f"{response.refused_count:,} of {len(reports):,} outcomes were refused; the others are stored"
        raise CommandFailed(message, reason="OUTCOMES_REFUSED")


@outcomes.command("list")
@click.argument("prediction", metavar="PREDICTION")
@json_option
@pass_session
def list_(session: Session, /, prediction: str) -> None:
    """Show every outcome of PREDICTION (its full name) that was ever recorded; the first one counts."""
    with monitor_calls(session) as monitor:
        found = monitor.ListOutcomes(outcome_pb2.ListOutcomesRequest(prediction=prediction))
    show(found, outcomes_view)
