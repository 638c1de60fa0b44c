"""`counterfoil audit replay`: whether logged decisions come out again as they are stored."""

from collections.abc import Sequence
from datetime import datetime

import click

from counterfoil.cli.failures import CommandFailed
from counterfoil.cli.jobs import progress_of
from counterfoil.cli.moments import MOMENT, timestamp
from counterfoil.cli.names import prediction_name
from counterfoil.cli.options import examples
from counterfoil.cli.output import console, json_option, json_wanted, show_json
from counterfoil.cli.replays import Replay, record_name, replay_all, sample, summary
from counterfoil.cli.session import Session, monitor_calls, pass_session, scorer_calls
from counterfoil.cli.versions import numbered_version
from counterfoil.cli.views.replays import replays_view
from counterfoil.monitor.v1 import prediction_log_pb2


@click.command(
    "replay",
    epilog=examples(
        "counterfoil audit replay --sample 1000",
        "counterfoil audit replay --sample 200 --model 2 --since 2026-01-01",
        "counterfoil audit replay credit-default/2/0b5f6c9e-...",
    ),
)
@click.argument("names", nargs=-1, metavar="[PREDICTION]...")
@click.option("--sample", "count", type=click.IntRange(1, 100_000), metavar="N", help="So many, drawn at random.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draw: the same seed draws the same again.")
@click.option("--model", default="", metavar="VERSION", help="Draw only from this model version.")
@click.option("--since", type=MOMENT, metavar="TIME", help="Draw only from this moment on, in UTC.")
@click.option("--until", type=MOMENT, metavar="TIME", help="Draw only before this moment, in UTC.")
@json_option
@pass_session
def replay(
    session: Session,
    /,
    *,
    names: Sequence[str],
    count: int | None,
    seed: int,
    model: str,
    since: datetime | None,
    until: datetime | None,
) -> None:
    """Compute logged predictions anew, each by the bundle that answered, and compare every value to the bit.

    A row of a chunk stands for the whole chunk. Exit code 1 if a value differs, a record was altered or its bundle is
    gone; what was erased is counted and no error.
    """
    if bool(names) == (count is not None):
        raise click.UsageError("give either predictions or --sample")
    wanted = prediction_log_pb2.ListPredictionsRequest(
        model_version=numbered_version(session, model) if model else "",
        start_time=timestamp(since),
        end_time=timestamp(until),
    )
    with monitor_calls(session) as monitor:
        chosen = [record_name(prediction_name(name)) for name in names]
        chosen = chosen or sample(monitor, wanted, count=count or 0, seed=seed)
    replays = _replays(session, chosen)
    if json_wanted():
        show_json(summary(replays))
    else:
        console().print(replays_view(replays))
    unsound = sum(not each.sound for each in replays)
    if unsound:
        raise CommandFailed(f"{unsound} of {len(replays)} did not come out as stored", reason="REPLAY_DIFFERS")


def _replays(session: Session, names: Sequence[str]) -> list[Replay]:
    done = []
    with monitor_calls(session) as monitor, scorer_calls(session) as scorer, progress_of("replaying") as report:
        for each in replay_all(monitor, scorer, names):
            done.append(each)
            report(len(done) / len(names), f"{len(names):,} predictions")
    return done
