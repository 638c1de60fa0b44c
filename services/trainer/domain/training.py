"""From a cleaned data set to one calibrated model with its threshold and its metrics."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from services.trainer.domain.calibration import fit_sigmoid
from services.trainer.domain.classifiers.registry import find_classifier
from services.trainer.domain.cleaning import CleaningRecord, Imputation
from services.trainer.domain.evaluation import evaluate, named
from services.trainer.domain.hyperparameters import Grid, check_grid, combinations_of
from services.trainer.domain.threshold import Costs, Threshold, best_threshold
from services.trainer.domain.tuning import (
    Resampling,
    Trial,
    TriedModel,
    class_weights,
    prepare_folds,
    search,
)
from shared.bundle.calibration import Calibrator
from shared.bundle.models import Model
from shared.errors import FieldViolation, InvalidInput, Precondition

_MODEL_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_FOLDS = range(2, 21)
_REPEATS = range(1, 11)


@dataclass(frozen=True)
class TrainingPlan:
    """What to train on which data set (its id), how to search, and what wrong answers cost."""

    dataset: str
    model: str
    classifier: str
    grid: Grid = field(default_factory=dict)
    resampling: Resampling = field(default_factory=Resampling)
    costs: Costs = field(default_factory=Costs)
    balanced: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts and lists that `plan_from_json` turns back into an equal plan."""
        return {**asdict(self), "grid": {name: list(values) for name, values in self.grid.items()}}


def plan_from_json(document: Mapping[str, Any]) -> TrainingPlan:
    """Return the plan that `TrainingPlan.to_json` wrote."""
    return TrainingPlan(
        **{
            **document,
            "grid": {name: tuple(values) for name, values in document["grid"].items()},
            "resampling": Resampling(**document["resampling"]),
            "costs": Costs(**document["costs"]),
        }
    )


@dataclass(frozen=True)
class LabelledRows:
    """Uncleaned features of labelled applicants, one row each, and their targets (1 = default)."""

    frame: pl.DataFrame
    targets: NDArray[np.int8]


@dataclass(frozen=True)
class Scored:
    """Targets of a split and the probabilities that the final model gives its applicants."""

    targets: NDArray[np.int8]
    probabilities: NDArray[np.float64]


@dataclass(frozen=True)
class Training:
    """What was learnt: every trial, the winner, the model refitted on all train rows, and how good it is.

    `scored` holds `cv` (out of fold, all repeats), `train` and, if the split has rows, `test`. `train_values` are the
    cleaned train rows, (n_rows, n_kept).
    """

    trials: tuple[Trial, ...]
    best: Trial
    model: Model
    calibrator: Calibrator
    threshold: Threshold
    metrics: dict[str, float]
    scored: dict[str, Scored]
    train_values: NDArray[np.float64]


@dataclass(frozen=True)
class Listeners:
    """Who is told of progress while a training runs: (share done, what is being done), and each finished trial."""

    progress: Callable[[float, str], None]
    trial: Callable[[Trial], None]


def check_training_plan(plan: TrainingPlan) -> None:
    """Raise InvalidInput that names every part of the plan that can never work, whatever the data."""
    classifier = find_classifier(plan.classifier)
    check_grid(plan.grid, classifier.hyperparameters)
    violations = []
    if not _MODEL_NAME.fullmatch(plan.model):
        violations.append(FieldViolation("model", "must be 1 to 63 of a-z, 0-9 and -, starting with a letter"))
    violations += _resampling_violations(plan.resampling)
    for name, cost in asdict(plan.costs).items():
        if not (math.isfinite(cost) and cost > 0.0):
            violations.append(FieldViolation(f"costs.{name}", "must be a finite number above 0"))
    if violations:
        raise InvalidInput(violations)


def check_against_dataset(plan: TrainingPlan, *, imputation: Imputation, rows: int, defaults: int) -> None:
    """Raise what the train split's figures already rule out: too many folds, or a missing value no one replaces."""
    rarest = min(defaults, rows - defaults)
    if plan.resampling.folds > rarest:
        raise InvalidInput.of(
            "folds", f"must be at most {rarest}, the number of applicants of the rarer class in the train split"
        )
    if imputation is Imputation.NONE and not find_classifier(plan.classifier).takes_missing_values:
        raise Precondition(
            f"{plan.classifier} takes no missing values and the data set keeps them; create a data set with an "
            "imputation other than NONE, or train lightgbm",
            reason="IMPUTATION_NEEDED",
            metadata={"classifier": plan.classifier},
        )


def train_model(
    plan: TrainingPlan,
    *,
    train: LabelledRows,
    test: LabelledRows,
    record: CleaningRecord,
    threads: int,
    listeners: Listeners,
) -> Training:
    """Search the grid, calibrate and choose the threshold out of fold, refit on all train rows, and evaluate.

    Raises Precondition NO_SIGNAL if the best trial's margins do not rise with the defaults.
    """
    trials, best = _search(plan, train, record, threads, listeners)
    listeners.progress(0.8, "calibrating and choosing the threshold")
    repeats = len(best.margins)
    targets, margins = np.tile(train.targets, repeats), best.margins.reshape(-1)
    calibrator = fit_sigmoid(targets, margins)
    scored = {"cv": Scored(targets, calibrator.probabilities(margins))}
    threshold = best_threshold(targets, scored["cv"].probabilities, plan.costs)
    listeners.progress(0.85, "training on the whole train split")
    values = record.apply(train.frame)
    weights = class_weights(train.targets, balanced=plan.balanced)
    fit = find_classifier(plan.classifier).prepare(values, train.targets, weights, threads=threads)
    model = fit(best.trial.hyperparameters, plan.resampling.seed)
    scored["train"] = Scored(train.targets, calibrator.probabilities(model.margins(values)))
    if len(test.targets):
        scored["test"] = Scored(test.targets, calibrator.probabilities(model.margins(record.apply(test.frame))))
    metrics = _metrics(scored, best.trial, threshold.value, plan.costs)
    return Training(tuple(trials), best.trial, model, calibrator, threshold, metrics, scored, values)


def _search(
    plan: TrainingPlan, train: LabelledRows, record: CleaningRecord, threads: int, listeners: Listeners
) -> tuple[list[Trial], TriedModel]:
    classifier = find_classifier(plan.classifier)
    combinations = combinations_of(plan.grid, classifier.hyperparameters)
    folds = prepare_folds(
        train.frame,
        train.targets,
        columns=[fate.column for fate in record.columns],
        cleaning=record.options,
        classifier=classifier,
        resampling=plan.resampling,
        balanced=plan.balanced,
        threads=threads,
        on_fold=lambda done, total: listeners.progress(0.1 + 0.1 * done / total, f"cleaning fold {done} of {total}"),
    )

    def on_trial(trial: Trial) -> None:
        done = trial.number + 1
        listeners.trial(trial)
        listeners.progress(0.2 + 0.6 * done / len(combinations), f"cross-validated {done} of {len(combinations)}")

    return search(combinations, folds, train.targets, costs=plan.costs, seed=plan.resampling.seed, on_trial=on_trial)


def _metrics(scored: Mapping[str, Scored], best: Trial, threshold: float, costs: Costs) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for split, part in scored.items():
        metrics |= named(split, evaluate(part.targets, part.probabilities, threshold=threshold, costs=costs))
    # Folds are ranked by different models, so their areas are averaged rather than taken over the pooled margins.
    return metrics | {"cv_auc": best.auc, "cv_gini": 2.0 * best.auc - 1.0, "cv_auc_deviation": best.auc_deviation}


def _resampling_violations(resampling: Resampling) -> list[FieldViolation]:
    violations = []
    if resampling.folds not in _FOLDS:
        violations.append(FieldViolation("folds", f"must be {_FOLDS.start} to {_FOLDS.stop - 1}"))
    if resampling.repeats not in _REPEATS:
        violations.append(FieldViolation("repeats", f"must be {_REPEATS.start} to {_REPEATS.stop - 1}"))
    if resampling.seed < 0 or resampling.seed >= _LARGEST_SEED:
        violations.append(FieldViolation("seed", f"must be 0 or more and below {_LARGEST_SEED}"))
    return violations


# LightGBM keeps its seed in 32 bits; repeats count up from it.
_LARGEST_SEED = 2**31 - 16
