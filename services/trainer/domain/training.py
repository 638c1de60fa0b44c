"""From a cleaned data set to one calibrated model with its threshold and its metrics."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.trainer.domain.amounts import amounts_at_stake
from services.trainer.domain.calibration import Calibrated, calibrate
from services.trainer.domain.classifiers.early_stopping import with_rounds
from services.trainer.domain.cleaning import CleaningRecord
from services.trainer.domain.dataset import LabelledRows
from services.trainer.domain.evaluation import evaluate, named
from services.trainer.domain.folds import draw_folds, unseen_cost
from services.trainer.domain.hyperparameters import Hyperparameters
from services.trainer.domain.judging import Judge
from services.trainer.domain.plan import TrainingPlan
from services.trainer.domain.recipe import recipe_of
from services.trainer.domain.scored import Scored
from services.trainer.domain.study import Study, search, space_of
from services.trainer.domain.threshold import Costs, Threshold, best_threshold, cost_at
from services.trainer.domain.trials import Trial
from services.trainer.domain.tuning import TriedModel, prepare_folds
from shared.bundle.calibration import Calibrator
from shared.bundle.model import Model


@dataclass(frozen=True)
class Training:
    """What was learnt: every trial, the winner, the model refitted on all train rows, and how good it is.

    `scored` holds `cv` (all repeats; out of fold and cross-fitted, so that neither model nor calibrator has seen the
    row), `train` and, if the split has rows, `test`. The threshold was chosen on `cv`, so its cost there is slightly
    hopeful; `test` had no part in anything. `train_values` are the cleaned train rows, (n_rows, n_kept),
    `test_margins` what the model says of the test rows, (n_rows,), None without any.
    `timings`, of wall clock, are all that differs when the same training is done again: `training_seconds` of the final
    model, `search_seconds` of the trials' folds, `scoring_microseconds` a row, of the train rows together, no reasons.
    """

    trials: tuple[Trial, ...]
    best: Trial
    model: Model
    calibrated: Calibrated
    threshold: Threshold
    metrics: dict[str, float]
    scored: dict[str, Scored]
    train_values: NDArray[np.float64]
    timings: dict[str, float]
    test_margins: NDArray[np.float64] | None

    @property
    def calibrator(self) -> Calibrator:
        """What turns the model's margins into probabilities."""
        return self.calibrated.calibrator


@dataclass(frozen=True)
class Listeners:
    """Who is told of progress while a training runs: (share done, what is being done), and each finished trial."""

    progress: Callable[[float, str], None]
    trial: Callable[[Trial], None]


def train_model(
    plan: TrainingPlan,
    *,
    train: LabelledRows,
    test: LabelledRows,
    record: CleaningRecord,
    study: Study,
    threads: int,
    listeners: Listeners,
    clock: Callable[[], float] = time.perf_counter,
) -> Training:
    """Search the grid, calibrate and choose the threshold out of fold, refit on all train rows, and evaluate.

    Trials that the study has finished are not run again. Raises Precondition NO_SIGNAL if the best trial's margins do
    not rise with the defaults, and TRIALS_FAILED if no trial could be trained.
    """
    amounts = amounts_at_stake(plan.costs, train)
    judge = Judge(plan.search.objective, train.targets, plan.costs, amounts)
    trials, best = _search(plan, train, record, study=study, judge=judge, threads=threads, listeners=listeners)
    listeners.progress(0.8, "calibrating and choosing the threshold")
    splits = list(draw_folds(train.targets, plan.resampling))
    calibrated = calibrate(plan.calibration, train.targets, best.margins, splits)
    calibrator, held_out = calibrated.calibrator, _held_out(calibrated, train.targets, amounts)
    threshold = best_threshold(held_out.targets, held_out.probabilities, plan.costs, held_out.amounts)
    scored = {"cv": held_out}
    listeners.progress(0.85, "training on the whole train split")
    values = record.apply(train.frame)
    started = clock()
    fit = recipe_of(plan)(values, train.targets, threads=threads)
    model = fit(_final_hyperparameters(best.trial), plan.resampling.seed)
    fitted = clock()
    scored["train"] = Scored(train.targets, calibrator.probabilities(model.margins(values)), amounts)
    timings = {
        "training_seconds": fitted - started,
        "scoring_microseconds": (clock() - fitted) * 1e6 / len(values),
        "search_seconds": sum(trial.seconds for trial in trials),
    }
    test_margins = model.margins(record.apply(test.frame)) if len(test.targets) else None
    if test_margins is not None:
        probabilities = calibrator.probabilities(test_margins)
        scored["test"] = Scored(test.targets, probabilities, amounts_at_stake(plan.costs, test))
    metrics = _metrics(scored, best.trial, threshold.value, plan.costs)
    metrics["cv_unseen_business_cost"] = unseen_cost(
        train.targets, calibrated.probabilities, splits, costs=plan.costs, amounts=amounts
    )
    return Training(
        tuple(trials), best.trial, model, calibrated, threshold, metrics, scored, values, timings, test_margins
    )


def _held_out(calibrated: Calibrated, targets: NDArray[np.int8], amounts: NDArray[np.float64]) -> Scored:
    repeats = len(calibrated.probabilities)
    return Scored(np.tile(targets, repeats), calibrated.probabilities.reshape(-1), np.tile(amounts, repeats))


def _search(
    plan: TrainingPlan,
    train: LabelledRows,
    record: CleaningRecord,
    *,
    study: Study,
    judge: Judge,
    threads: int,
    listeners: Listeners,
) -> tuple[list[Trial], TriedModel]:
    space = space_of(plan.search, plan.grid, plan.hyperparameters)
    folds = prepare_folds(
        train.frame,
        train.targets,
        columns=[fate.column for fate in record.columns],
        cleaning=record.options,
        variables=record.variables,
        prepare=recipe_of(plan),
        resampling=plan.resampling,
        threads=threads,
        on_fold=lambda done, total: listeners.progress(0.1 + 0.1 * done / total, f"cleaning fold {done} of {total}"),
    )
    count = space.most_trials
    spent = 0.0

    def on_trial(trial: Trial) -> None:
        """Tell of the trial, then of the progress."""
        nonlocal spent
        spent += trial.seconds
        listeners.trial(trial)
        share = max((trial.number + 1) / count, spent / (plan.search.max_seconds or math.inf))
        stage = f"cross-validating {min(trial.number + 2, count)} of {count}"
        listeners.progress(0.2 + 0.6 * min(1.0, share), stage)

    listeners.progress(0.2, f"cross-validating 1 of {count}")
    return search(space, study, folds, judge, seed=plan.resampling.seed, on_trial=on_trial)


def _final_hyperparameters(best: Trial) -> Hyperparameters:
    """Return what the final model is grown with: no rows are spared to watch, since the folds have found the rounds."""
    return best.hyperparameters if best.rounds is None else with_rounds(best.hyperparameters, best.rounds)


def _metrics(scored: Mapping[str, Scored], best: Trial, threshold: float, costs: Costs) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for split, part in scored.items():
        figures = evaluate(part.targets, part.probabilities, threshold=threshold, costs=costs, amounts=part.amounts)
        metrics |= named(split, {**figures, "dummy_business_cost": _dummy_cost(part, costs)})
    # Folds are ranked by different models, so their areas are averaged rather than taken over the pooled margins.
    return metrics | {"cv_auc": best.auc, "cv_gini": 2.0 * best.auc - 1.0, "cv_auc_deviation": best.auc_deviation}


def _dummy_cost(part: Scored, costs: Costs) -> float:
    """Return what it costs to give everybody the more frequent answer, as a model without features would."""
    answers = np.full(len(part.targets), float(2 * part.targets.sum() > len(part.targets)))
    return cost_at(part.targets, answers, 0.5, costs, part.amounts)
