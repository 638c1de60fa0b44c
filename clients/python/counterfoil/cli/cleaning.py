"""Cleaning options as people write them: one flag for each, the same wherever columns are cleaned."""

import functools
from collections.abc import Callable
from typing import Any, Final

import click

from counterfoil.trainer.v1 import dataset_pb2

_IMPUTATIONS: Final = {
    "none": dataset_pb2.IMPUTATION_NONE,
    "mean": dataset_pb2.IMPUTATION_MEAN,
    "median": dataset_pb2.IMPUTATION_MEDIAN,
    "min": dataset_pb2.IMPUTATION_MIN,
    "max": dataset_pb2.IMPUTATION_MAX,
}
# The contract's names of the optional bounds, what stands for their value, and what they do.
_BOUNDS: Final = (
    ("max_missing_share", "SHARE", "Drop columns with more missing (0 to 1)."),
    ("max_abs_correlation", "R", "Of two columns above it, drop the later one."),
    ("min_variance", "V", "Drop columns that vary less."),
    ("max_target_eta_squared", "E", "Drop numeric columns that the target explains more of: they leak it."),
    ("max_target_cramers_v", "V", "Drop categorical variables that go with the target more: they leak it."),
    ("max_categorical_association", "V", "Of two categorical variables with a larger Cramér's V, drop the later one."),
)


def cleaning_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --imputation and a flag for each bound, passed together as `cleaning`, a CleaningOptions."""
    imputation = click.option(
        "--imputation",
        required=True,
        type=click.Choice(list(_IMPUTATIONS)),
        help="What replaces a missing value; none leaves it to the model.",
    )
    return imputation(cleaning_bounds(command))


def cleaning_bounds(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command a flag for each bound, passed as `cleaning`, a CleaningOptions without imputation."""

    @functools.wraps(command)
    def with_cleaning(*arguments: Any, imputation: str = "", **others: Any) -> Any:
        """Put the options together."""
        bounds = {name: others.pop(name) for name, _, _ in _BOUNDS}
        cleaning = dataset_pb2.CleaningOptions(
            imputation=_IMPUTATIONS.get(imputation, dataset_pb2.IMPUTATION_UNSPECIFIED), **bounds
        )
        return command(*arguments, cleaning=cleaning, **others)

    flagged: Callable[..., Any] = with_cleaning
    for name, metavar, text in reversed(_BOUNDS):
        flag = f"--{name.replace('_', '-')}"
        flagged = click.option(flag, type=float, metavar=metavar, help=text)(flagged)
    return flagged
