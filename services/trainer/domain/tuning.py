"""One combination of hyper-parameters, tried by repeated stratified cross-validation."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from services.trainer.domain.classifiers.early_stopping import stops_early
from services.trainer.domain.classifiers.fitting import Fit, Grown, PrepareRows
from services.trainer.domain.cleaning import CleaningOptions
from services.trainer.domain.cleaning_rules import ALL_NUMERIC, fit_cleaning
from services.trainer.domain.evaluation import area_under_curve
from services.trainer.domain.folds import draw_folds
from services.trainer.domain.hyperparameters import Hyperparameters
from services.trainer.domain.judging import Judge
from services.trainer.domain.plan import Resampling
from services.trainer.domain.results import TrialState
from services.trainer.domain.trials import FoldScore, Trial
from shared.errors import CounterfoilError

_LOGGER = logging.getLogger("counterfoil.trainer")
_LONGEST_ERROR = 500


@dataclass(frozen=True)
class Fold:
    """One part held out: the training on all other rows, and the held-out rows with their cleaned values."""

    repeat: int
    rows: NDArray[np.intp]
    values: NDArray[np.float64]
    fit: Fit


@dataclass(frozen=True)
class TriedModel:
    """A trial with its out-of-fold margins, (repeats, n_rows); NaN where a trial that was given up held no row out."""

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
    hyperparameters: Hyperparameters,
    folds: Sequence[Fold],
    judge: Judge,
    *,
    seed: int,
    gives_up: Callable[[Sequence[float]], bool] = lambda _: False,
    clock: Callable[[], float] = time.monotonic,
) -> TriedModel:
    """Return how one combination did on all folds, or on those until `gives_up`, told the objective after each fold.

    What the classifier's library raises makes the trial FAILED: other combinations may do better.
    """
    margins = np.full((folds[-1].repeat + 1, len(judge.targets)), np.nan)
    fits: list[_FoldFit] = []
    aucs: list[float] = []
    running: list[float] = []
    for fold in folds:
        try:
            fits.append(_fit_fold(fold, hyperparameters, seed, clock))
        except CounterfoilError:
            raise
        except Exception as error:  # a trial's boundary: what one combination breaks must not end the search
            _LOGGER.warning("a trial failed", exc_info=error)
            said = f"{type(error).__name__}: {error}"[:_LONGEST_ERROR]
            return TriedModel(Trial(number, hyperparameters, TrialState.FAILED, error=said), margins)
        margins[fold.repeat, fold.rows] = fits[-1].margins
        aucs.append(area_under_curve(judge.targets[fold.rows], fits[-1].margins))
        running.append(judge.so_far(margins, aucs))
        if len(fits) < len(folds) and gives_up(running):
            break
    state = TrialState.COMPLETE if len(fits) == len(folds) else TrialState.PRUNED
    trial = Trial(
        number,
        hyperparameters,
        state,
        folds=_scores(fits, aucs, margins, judge),
        running=tuple(running),
        cost=judge.cost(margins),
        log_loss=judge.log_loss(margins),
    )
    return TriedModel(trial, margins)


@dataclass(frozen=True)
class _FoldFit:
    """A fold whose rows have their margins."""

    fold: Fold
    margins: NDArray[np.float64]
    fit_seconds: float
    score_seconds: float
    rounds: int | None


def _fit_fold(fold: Fold, hyperparameters: Hyperparameters, seed: int, clock: Callable[[], float]) -> _FoldFit:
    started = clock()
    model = fold.fit(hyperparameters, seed)
    fitted = clock()
    margins = model.margins(fold.values)
    if not np.isfinite(margins).all():
        raise ValueError("the model gives margins that are not finite")
    rounds = model.rounds if stops_early(hyperparameters) and isinstance(model, Grown) else None
    return _FoldFit(fold, margins, fitted - started, clock() - fitted, rounds)


def _scores(
    fits: Sequence[_FoldFit], aucs: Sequence[float], margins: NDArray[np.float64], judge: Judge
) -> tuple[FoldScore, ...]:
    probabilities = judge.calibrated(margins)
    return tuple(
        FoldScore(
            auc,
            judge.fold_cost(margins[fit.fold.repeat], fit.fold.rows),
            judge.fold_log_loss(probabilities[fit.fold.repeat], fit.fold.rows),
            fit.fit_seconds,
            fit.score_seconds,
            fit.rounds,
        )
        for fit, auc in zip(fits, aucs, strict=True)
    )
