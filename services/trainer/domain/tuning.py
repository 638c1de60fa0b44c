"""Every combination of a grid, tried by repeated stratified cross-validation, and the margins of rows left out."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from services.trainer.domain.classifiers.fitting import Fit, PrepareRows
from services.trainer.domain.cleaning import ALL_NUMERIC, CleaningOptions, fit_cleaning
from services.trainer.domain.evaluation import area_under_curve
from services.trainer.domain.folds import draw_folds
from services.trainer.domain.hyperparameters import HyperparameterValue
from services.trainer.domain.plan import Resampling
from services.trainer.domain.results import TrialSummary
from services.trainer.domain.threshold import Costs, best_cost


@dataclass(frozen=True)
class Fold:
    """One part held out: the training on all other rows, and the held-out rows with their cleaned values."""

    repeat: int
    rows: NDArray[np.intp]
    values: NDArray[np.float64]
    fit: Fit


@dataclass(frozen=True)
class Trial:
    """One combination and how it did; `cost` is the objective: the least out-of-fold cost, averaged over repeats."""

    number: int
    hyperparameters: dict[str, HyperparameterValue]
    cost: float
    aucs: tuple[float, ...]
    training_seconds: float

    @property
    def auc(self) -> float:
        """Mean area under the ROC curve over all folds."""
        return float(np.mean(self.aucs))

    @property
    def auc_deviation(self) -> float:
        """Standard deviation (ddof = 1) of the area over all folds."""
        return float(np.std(self.aucs, ddof=1))

    def summary(self) -> TrialSummary:
        """Return the trial as callers see it."""
        return TrialSummary(
            self.number, self.hyperparameters, self.cost, self.auc, self.auc_deviation, self.training_seconds
        )


@dataclass(frozen=True)
class TriedModel:
    """A trial with its out-of-fold margins, (repeats, n_rows)."""

    trial: Trial
    margins: NDArray[np.float64]


def prepare_folds(
    train: pl.DataFrame,
    targets: NDArray[np.int8],
    *,
    columns: Sequence[str],
    cleaning: CleaningOptions,
    variables: Mapping[str, str] = ALL_NUMERIC,
    prepare: PrepareRows,
    resampling: Resampling,
    threads: int,
    on_fold: Callable[[int, int], None],
) -> list[Fold]:
    """Return every fold of every repeat, cleaned by a record fitted on its own training rows alone."""
    total = resampling.folds * resampling.repeats
    folds = []
    for split in draw_folds(targets, resampling):
        inside, outside = split.inside, split.outside
        record = fit_cleaning(train[inside], columns, cleaning, targets=targets[inside], variables=variables)
        fit = prepare(record.apply(train[inside]), targets[inside], threads=threads)
        folds.append(Fold(split.repeat, outside, record.apply(train[outside]), fit))
        on_fold(len(folds), total)
    return folds


def try_hyperparameters(
    number: int,
    hyperparameters: dict[str, HyperparameterValue],
    folds: Sequence[Fold],
    targets: NDArray[np.int8],
    *,
    costs: Costs,
    amounts: NDArray[np.float64] | None = None,
    seed: int,
    clock: Callable[[], float] = time.monotonic,
) -> TriedModel:
    """Return how one combination did on all folds; costs are taken at the best threshold of each repeat's margins."""
    margins = np.full((folds[-1].repeat + 1, len(targets)), np.nan)
    aucs = []
    seconds = 0.0
    for fold in folds:
        started = clock()
        model = fold.fit(hyperparameters, seed)
        seconds += clock() - started
        margins[fold.repeat, fold.rows] = model.margins(fold.values)
        aucs.append(area_under_curve(targets[fold.rows], margins[fold.repeat, fold.rows]))
    cost = float(np.mean([best_cost(targets, repeat, costs, amounts) for repeat in margins]))
    return TriedModel(Trial(number, hyperparameters, cost, tuple(aucs), seconds), margins)


def search(
    combinations: Sequence[dict[str, HyperparameterValue]],
    folds: Sequence[Fold],
    targets: NDArray[np.int8],
    *,
    costs: Costs,
    amounts: NDArray[np.float64] | None = None,
    seed: int,
    on_trial: Callable[[Trial], None],
) -> tuple[list[Trial], TriedModel]:
    """Return all trials, and the one that costs least; of equal costs the larger AUC, then the earlier one wins."""
    trials: list[Trial] = []
    best: TriedModel | None = None
    for number, hyperparameters in enumerate(combinations):
        tried = try_hyperparameters(number, hyperparameters, folds, targets, costs=costs, amounts=amounts, seed=seed)
        trials.append(tried.trial)
        on_trial(tried.trial)
        if best is None or _rank(tried.trial) < _rank(best.trial):
            best = tried
    if best is None:
        raise ValueError("there is no combination to try")
    return trials, best


def _rank(trial: Trial) -> tuple[float, float]:
    return trial.cost, -trial.auc
