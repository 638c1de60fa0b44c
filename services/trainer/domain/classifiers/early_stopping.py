"""Classifiers that grow in rounds and may find out by themselves how many."""

from services.trainer.domain.hyperparameters import Grid, Hyperparameters, Range

EARLY_STOPPING = "early_stopping_rounds"


def stops_early(hyperparameters: Hyperparameters) -> bool:
    """Return whether the number of rounds is found while training, below the number that is named."""
    return bool(hyperparameters.get(EARLY_STOPPING, 0))


def may_stop_early(grid: Grid) -> bool:
    """Return whether some combination of a checked grid finds its number of rounds while training."""
    choice = grid.get(EARLY_STOPPING, ())
    return isinstance(choice, Range) or any(bool(value) for value in choice)


def with_rounds(hyperparameters: Hyperparameters, rounds: int) -> Hyperparameters:
    """Return the hyper-parameters that grow as many rounds, no more and no fewer."""
    return {**hyperparameters, "n_estimators": rounds, EARLY_STOPPING: 0}
