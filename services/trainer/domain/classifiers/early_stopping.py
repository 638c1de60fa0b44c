"""Classifiers that grow in rounds and may find out by themselves how many."""

from typing import Final

from services.trainer.domain.hyperparameters import Grid, Hyperparameter, Hyperparameters, Range

EARLY_STOPPING: Final = "early_stopping_rounds"
WATCHED_SHARE: Final = 0.2
"""Of the rows to learn from, how many early stopping watches instead."""
ROUNDS_WITHOUT_GAIN: Final = Hyperparameter(
    EARLY_STOPPING,
    "integer",
    0,
    "Trees after which growing ends if none of them lowered the log-loss of a fifth of the training rows; all rows "
    "then grow as many as were best. 0: the number of trees that is named, whatever comes of it.",
    0,
    10_000,
)
# What classifiers call the number of their rounds.
_NAMES: Final = ("n_estimators", "max_iter")


def stops_early(hyperparameters: Hyperparameters) -> bool:
    """Return whether the number of rounds is found while training, below the number that is named."""
    return bool(hyperparameters.get(EARLY_STOPPING, 0))


def may_stop_early(grid: Grid) -> bool:
    """Return whether some combination of a checked grid finds its number of rounds while training."""
    choice = grid.get(EARLY_STOPPING, ())
    return isinstance(choice, Range) or any(bool(value) for value in choice)


def with_rounds(hyperparameters: Hyperparameters, rounds: int) -> Hyperparameters:
    """Return the hyper-parameters that grow as many rounds, no more and no fewer."""
    (name,) = (name for name in _NAMES if name in hyperparameters)
    return {**hyperparameters, name: rounds, EARLY_STOPPING: 0}


def without_patience(hyperparameters: Hyperparameters) -> Hyperparameters:
    """Return the hyper-parameters that a library takes which knows early stopping by other names."""
    return {name: value for name, value in hyperparameters.items() if name != EARLY_STOPPING}
