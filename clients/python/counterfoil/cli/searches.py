"""Searches as people write them: `--search tpe --trials 40`."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from counterfoil.trainer.v1 import training_pb2

Command = TypeVar("Command", bound=Callable[..., Any])

_METHODS: Final = {
    "grid": training_pb2.SEARCH_METHOD_GRID,
    "random": training_pb2.SEARCH_METHOD_RANDOM,
    "tpe": training_pb2.SEARCH_METHOD_TPE,
}
_OBJECTIVES: Final = {
    "cost": training_pb2.SEARCH_OBJECTIVE_BUSINESS_COST,
    "auc": training_pb2.SEARCH_OBJECTIVE_AUC,
    "log-loss": training_pb2.SEARCH_OBJECTIVE_LOG_LOSS,
}
_OPTIONS: Final = (
    click.option(
        "--search",
        type=click.Choice(list(_METHODS)),
        default="grid",
        show_default=True,
        help="Every combination, random draws, or draws where earlier ones did well.",
    ),
    click.option(
        "--objective",
        type=click.Choice(list(_OBJECTIVES)),
        default="cost",
        show_default=True,
        help="What the best trial is best at, out of fold.",
    ),
    click.option("--trials", type=int, metavar="N", help="Budget of random and tpe.  [default: 50]"),
    click.option("--seconds", type=float, metavar="S", help="No trial begins after as many seconds of trials."),
    click.option("--pruning/--no-pruning", default=None, help="Give up trials worse than the median.  [default: tpe]"),
)


def search_options(command: Command) -> Command:
    """Give a command the options that `search_of` takes: search, objective, trials, seconds, pruning."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def search_of(options: dict[str, Any]) -> training_pb2.Search:
    """Take the search out of a command's options and return it."""
    return training_pb2.Search(
        method=_METHODS[options.pop("search")],
        objective=_OBJECTIVES[options.pop("objective")],
        max_trials=options.pop("trials") or 0,
        max_seconds=options.pop("seconds"),
        pruning=options.pop("pruning"),
    )
