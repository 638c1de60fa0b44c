"""`counterfoil audit verify-log`: whether the prediction log is what was written, and all of it."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from counterfoil.cli.failures import CommandFailed
from counterfoil.cli.jobs import progress_of
from counterfoil.cli.moments import MOMENT, timestamp
from counterfoil.cli.options import examples
from counterfoil.cli.output import json_option, show
from counterfoil.cli.session import Session, monitor_calls, pass_session
from counterfoil.cli.views.verification import fault_words, verdict_view
from counterfoil.monitor.v1 import verification_pb2
from counterfoil.types.v1 import prediction_pb2

_RECEIPT: Final = re.compile(r"(\S+) record ([1-9][0-9]{0,17}) hash ([0-9a-f]{64})")


@click.command(
    "verify-log",
    epilog=examples(
        "counterfoil audit verify-log",
        "counterfoil audit verify-log --since 2026-01-01 --receipts receipts.txt",
        "counterfoil audit verify-log --instance 0b5f6c9e-... --first 100 --last 200",
    ),
)
@click.option("--instance", default="", metavar="NAME", help="Only what this scorer's spool wrote.")
@click.option("--first", type=click.IntRange(1), metavar="N", help="Only segments of the instance from N on.")
@click.option("--last", type=click.IntRange(1), metavar="N", help="Only segments of the instance up to N.")
@click.option("--since", type=MOMENT, metavar="TIME", help="Only what was stored from this moment on, in UTC.")
@click.option("--until", type=MOMENT, metavar="TIME", help="Only what was stored before this moment, in UTC.")
@click.option(
    "--receipts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Receipts that must be in the log, one a line as `score one` prints them.",
)
@json_option
@pass_session
def verify_log(
    session: Session,
    /,
    *,
    instance: str,
    first: int | None,
    last: int | None,
    since: datetime | None,
    until: datetime | None,
    receipts: Path | None,
) -> None:
    """Check that no logged prediction was changed, left out or put in between; exit code 1 if one was.

    Receipts that lenders kept show besides that the end of the log is there: what is left of a log whose tail vanished
    proves itself.
    """
    request = verification_pb2.VerifyLogRequest(
        instance=instance,
        first_number=first,
        last_number=last,
        start_time=timestamp(since),
        end_time=timestamp(until),
        receipts=_receipts(receipts) if receipts else (),
    )
    verdict = _check(session, request)
    show(verdict, verdict_view)
    if not verdict.intact:
        raise CommandFailed(fault_words(verdict.fault), reason="LOG_NOT_INTACT")


def _check(session: Session, request: verification_pb2.VerifyLogRequest) -> verification_pb2.LogVerdict:
    verdict = verification_pb2.LogVerdict()
    with monitor_calls(session) as monitor, progress_of("checking the log") as report:
        for news in monitor.VerifyLog(request):
            if news.HasField("progress"):
                progress = news.progress
                report(progress.files / max(progress.total_files, 1), f"{progress.records:,} records")
            verdict = news.verdict
    return verdict


def _receipts(file: Path) -> Iterator[prediction_pb2.Receipt]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        match = _RECEIPT.fullmatch(line.strip())
        if match is None:
            problem = f"line {number} of {file} is no `INSTANCE record N hash HEX`"
            raise click.BadParameter(problem, param_hint="--receipts")
        yield prediction_pb2.Receipt(instance=match[1], sequence=int(match[2]), hash=bytes.fromhex(match[3]))
