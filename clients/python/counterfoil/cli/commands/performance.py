"""`counterfoil performance`: how a model does, before outcomes are known and after."""

from datetime import datetime

import click

from counterfoil.cli.moments import MOMENT, timestamp
from counterfoil.cli.names import CHAMPION, DEFAULT_MODEL, model_version_name
from counterfoil.cli.options import examples
from counterfoil.cli.output import json_option, show
from counterfoil.cli.session import Session, monitor_calls, pass_session
from counterfoil.cli.slicings import feature_slicing, set_slicing
from counterfoil.cli.views.performance import performance_view
from counterfoil.monitor.v1 import monitor_pb2, performance_pb2


@click.command(
    epilog=examples(
        "counterfoil performance --last 100000",
        "counterfoil performance credit-default/2 --since 2026-01-01 --by CODE_GENDER --by AMT_CREDIT=200000,500000",
        "counterfoil performance --where 'AMT_CREDIT>=500000' --where NAME_CONTRACT_TYPE='Cash loans'",
    )
)
@click.argument("version", metavar="VERSION", default=f"{DEFAULT_MODEL}/{CHAMPION}")
@click.option(
    "--last",
    type=click.IntRange(1, 1_000_000),
    default=5_000,
    show_default=True,
    metavar="N",
    help="Only the newest N.",
)
@click.option("--since", type=MOMENT, metavar="TIME", help="Only decisions from this moment on, in UTC.")
@click.option("--until", type=MOMENT, metavar="TIME", help="Only decisions before this moment, in UTC.")
@click.option("--by", multiple=True, metavar="FEATURE[=EDGES]", help="Divide by a feature; repeatable.")
@click.option("--where", multiple=True, metavar="CONDITION", help="Divide by a set: those who meet all of these.")
@click.option(
    "--minimum-rows",
    type=click.IntRange(20, 100_000),
    default=100,
    show_default=True,
    metavar="N",
    help="Below so many decisions nothing is told of a part.",
)
@json_option
@pass_session
def performance(
    session: Session,
    /,
    version: str,
    *,
    last: int,
    since: datetime | None,
    until: datetime | None,
    by: tuple[str, ...],
    where: tuple[str, ...],
    minimum_rows: int,
) -> None:
    """Tell how VERSION (by default the champion) does: what happened, what was to be expected, and what is doubtful.

    Figures of parts with fewer than --minimum-rows decisions, or outcomes, are withheld.
    """
    request = performance_pb2.GetPerformanceRequest(
        model_version=model_version_name(version),
        window=monitor_pb2.PredictionWindow(last_count=last, start_time=timestamp(since), end_time=timestamp(until)),
        slicings=[*map(feature_slicing, by), *([set_slicing(where)] if where else [])],
        minimum_rows=minimum_rows,
    )
    with monitor_calls(session) as monitor:
        found = monitor.GetPerformance(request)
    show(found, performance_view)
