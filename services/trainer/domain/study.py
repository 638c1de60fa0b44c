"""The search: trial after trial until the budget is spent, each remembered before the next begins."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from services.trainer.domain.hyperparameters import Grid, Hyperparameter, HyperparameterValue, combinations_of
from services.trainer.domain.judging import Judge
from services.trainer.domain.results import TrialState
from services.trainer.domain.search import Search, SearchMethod
from services.trainer.domain.trials import Trial
from services.trainer.domain.tuning import Fold, TriedModel, try_hyperparameters
from shared.errors import Precondition

# Golovin et al. (2017), "Google Vizier": the median stopping rule, here after so many complete trials.
_TRIALS_BEFORE_PRUNING = 5


class Study(Protocol):
    """What remembers the trials of one search, and draws where to look next."""

    def finished(self) -> Sequence[Trial]:
        """Return the trials that were added, by number, also those that a process before this one added."""
        ...

    def add(self, trial: Trial) -> None:
        """Remember a trial that has ended; when this returns, it outlives the process."""
        ...

    def draw(self, finished: Sequence[Trial]) -> Mapping[str, HyperparameterValue]:
        """Return what to try next of the grid, by method and seed; nothing but the finished trials changes it."""
        ...


@dataclass(frozen=True)
class Space:
    """What may be tried: every one of `combinations` if there are any, else what the study draws."""

    search: Search
    known: Sequence[Hyperparameter]
    combinations: Sequence[Mapping[str, HyperparameterValue]] = ()

    @property
    def most_trials(self) -> int:
        """How many trials there are unless time runs out."""
        return len(self.combinations) or self.search.max_trials

    def next(self, study: Study, finished: Sequence[Trial]) -> Mapping[str, HyperparameterValue] | None:
        """Return the combination after the finished ones, completed with defaults; None once the budget is spent."""
        spent = sum(trial.seconds for trial in finished)
        in_time = not finished or self.search.max_seconds is None or spent < self.search.max_seconds
        if not in_time or len(finished) >= self.most_trials:
            return None
        if self.combinations:
            return self.combinations[len(finished)]
        return {h.name: h.default for h in self.known} | dict(study.draw(finished))


def space_of(search: Search, grid: Grid, known: Sequence[Hyperparameter]) -> Space:
    """Return what a search of a checked grid tries."""
    return Space(search, known, combinations_of(grid, known) if search.method is SearchMethod.GRID else ())


def search(
    space: Space,
    study: Study,
    folds: Sequence[Fold],
    judge: Judge,
    *,
    seed: int,
    on_trial: Callable[[Trial], None],
) -> tuple[list[Trial], TriedModel]:
    """Return all trials, and the one that does best; of equal ones the larger AUC, then the earlier one wins.

    Goes on after the trials that the study has finished already; `on_trial` is told those as well. Raises Precondition
    TRIALS_FAILED if none could be trained.
    """
    trials: list[Trial] = []
    best: TriedModel | None = None

    def finish(trial: Trial) -> Trial | None:
        """Count the trial in and return the best so far."""
        trials.append(trial)
        on_trial(trial)
        return best_trial(trials, judge)

    for trial in study.finished():
        finish(trial)
    while (hyperparameters := space.next(study, trials)) is not None:
        gives_up = pruning_rule(space.search, judge, trials)
        tried = try_hyperparameters(len(trials), hyperparameters, folds, judge, seed=seed, gives_up=gives_up)
        study.add(tried.trial)
        if finish(tried.trial) is tried.trial:
            best = tried
    winner = best_trial(trials, judge)
    if winner is None:
        said = f"no combination of hyper-parameters could be trained; the first said: {trials[0].error}"
        raise Precondition(said, reason="TRIALS_FAILED")
    if best is None or best.trial is not winner:
        # It was tried by a process before this one, which took the margins along: the same come out again.
        again = try_hyperparameters(winner.number, winner.hyperparameters, folds, judge, seed=seed)
        best = TriedModel(winner, again.margins)
    return trials, best


def best_trial(trials: Sequence[Trial], judge: Judge) -> Trial | None:
    """Return the complete trial that does best, None where there is none."""
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    return min(complete, key=lambda trial: (_loss(judge, trial.objective), -trial.auc), default=None)


def pruning_rule(search: Search, judge: Judge, trials: Sequence[Trial]) -> Callable[[Sequence[float]], bool]:
    """Return whether the next trial is to be given up, told its objective after each fold so far."""
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    if not search.pruning or len(complete) < _TRIALS_BEFORE_PRUNING:
        return lambda _: False

    def worse_than_median(running: Sequence[float]) -> bool:
        """Compare with what the complete trials had after the same fold."""
        last = len(running) - 1
        median = float(np.median([_loss(judge, trial.running[last]) for trial in complete]))
        return _loss(judge, running[last]) > median

    return worse_than_median


def _loss(judge: Judge, objective: float) -> float:
    return -objective if judge.objective.larger_is_better else objective
