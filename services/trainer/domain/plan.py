"""What a training is asked to do, and everything about the wish that can be wrong before any work starts."""

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from services.trainer.domain.classifiers.catalogue import find_classifier
from services.trainer.domain.classifiers.early_stopping import EARLY_STOPPING, may_stop_early
from services.trainer.domain.cleaning import Imputation
from services.trainer.domain.hyperparameters import Grid, Hyperparameter, check_grid, grid_from_json, grid_to_json
from services.trainer.domain.imbalance import Imbalance, bytes_needed, check_neighbours, neighbours_in
from services.trainer.domain.preprocessing import Preprocessing
from services.trainer.domain.search import Search, SearchMethod, check_search, search_from_json
from services.trainer.domain.threshold import Costs
from shared.errors import FieldViolation, InvalidInput, Precondition

_MODEL_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_FOLDS = range(2, 21)
_REPEATS = range(1, 11)
_LONGEST_NAME = 256


@dataclass(frozen=True)
class Resampling:
    """How rows are held out: `folds` stratified folds, `repeats` times with other folds, all from `seed`."""

    folds: int = 5
    repeats: int = 1
    seed: int = 0


class Calibration(StrEnum):
    """Which calibrator is asked for; AUTO takes the one of the smaller cross-fitted log loss."""

    AUTO = "AUTO"
    SIGMOID = "SIGMOID"
    ISOTONIC = "ISOTONIC"


@dataclass(frozen=True)
class TrainingPlan:
    """What to train on which data set (its id), how to search, and what wrong answers cost.

    `on_behalf_of` is whom the caller says that it acts for, empty for itself.
    """

    dataset: str
    model: str
    classifier: str
    grid: Grid = field(default_factory=dict)
    resampling: Resampling = field(default_factory=Resampling)
    costs: Costs = field(default_factory=Costs)
    imbalance: Imbalance = Imbalance.CLASS_WEIGHTS
    calibration: Calibration = Calibration.AUTO
    search: Search = field(default_factory=Search)
    preprocessing: Preprocessing = Preprocessing.NONE
    on_behalf_of: str = ""

    @property
    def hyperparameters(self) -> tuple[Hyperparameter, ...]:
        """What the grid may set; raises InvalidInput for an unknown classifier."""
        return (*find_classifier(self.classifier).hyperparameters, *self.imbalance.hyperparameters)

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts and lists that `plan_from_json` turns back into an equal plan."""
        return {**asdict(self), "grid": grid_to_json(self.grid)}


def plan_from_json(document: Mapping[str, Any]) -> TrainingPlan:
    """Return the plan that `TrainingPlan.to_json` wrote."""
    return TrainingPlan(
        **{
            **document,
            "grid": grid_from_json(document["grid"]),
            "resampling": Resampling(**document["resampling"]),
            "costs": Costs(**document["costs"]),
            "imbalance": Imbalance(document["imbalance"]),
            "calibration": Calibration(document.get("calibration", Calibration.AUTO)),
            "search": search_from_json(document["search"]),
            "preprocessing": Preprocessing(document["preprocessing"]),
        }
    )


def check_training_plan(plan: TrainingPlan) -> None:
    """Raise InvalidInput that names every part of the plan that can never work, whatever the data."""
    check_grid(plan.grid, plan.hyperparameters, exhaustive=plan.search.method is SearchMethod.GRID)
    check_search(plan.search, plan.grid)
    violations = []
    if not _MODEL_NAME.fullmatch(plan.model):
        violations.append(FieldViolation("model", "must be 1 to 63 of a-z, 0-9 and -, starting with a letter"))
    if len(plan.on_behalf_of) > _LONGEST_NAME:
        violations.append(FieldViolation("on_behalf_of", f"has more than {_LONGEST_NAME} characters"))
    violations += _resampling_violations(plan.resampling)
    if plan.imbalance.oversamples and may_stop_early(plan.grid):
        rule = "must be 0 with SMOTE: rows made up of others would lie on both sides of what is watched"
        violations.append(FieldViolation(f'grid["{EARLY_STOPPING}"]', rule))
    for name in ("false_negative", "false_positive"):
        cost = getattr(plan.costs, name)
        if not (math.isfinite(cost) and cost > 0.0):
            violations.append(FieldViolation(f"costs.{name}", "must be a finite number above 0"))
    if violations:
        raise InvalidInput(violations)


def check_against_dataset(plan: TrainingPlan, *, imputation: Imputation, rows: int, defaults: int) -> None:
    """Raise what the train split's figures rule out: too many folds or neighbours, a missing value no one replaces."""
    rarest = min(defaults, rows - defaults)
    if plan.resampling.folds > rarest:
        raise InvalidInput.of(
            "folds", f"must be at most {rarest}, the number of applicants of the rarer class in the train split"
        )
    if imputation is Imputation.NONE:
        _refuse_missing_values(plan)
    if plan.imbalance.oversamples:
        check_neighbours(neighbours_in(plan.grid), rarest=rarest, folds=plan.resampling.folds)


def oversampling_bytes(plan: TrainingPlan, *, rows: int, defaults: int, columns: int, categorical: int = 0) -> int:
    """Return the bytes that the plan's oversampling takes at its peak, estimated; 0 where nothing is oversampled.

    More are needed the more columns are categorical, so that 0 of them give the least that it can be.
    """
    return bytes_needed(
        plan.imbalance,
        rows=rows,
        rarest=min(defaults, rows - defaults),
        columns=columns,
        categorical=categorical,
        neighbours=neighbours_in(plan.grid),
    )


def _refuse_missing_values(plan: TrainingPlan) -> None:
    unfit = [] if find_classifier(plan.classifier).takes_missing_values else [plan.classifier]
    if plan.imbalance.oversamples:
        unfit.append(plan.imbalance.value)
    if plan.preprocessing is Preprocessing.PCA:
        unfit.append(plan.preprocessing.value)
    if unfit:
        raise Precondition(
            f"{' and '.join(unfit)} cannot work with missing values and the data set keeps them; create a data set "
            "with an imputation other than NONE, or train lightgbm with imbalance CLASS_WEIGHTS",
            reason="IMPUTATION_NEEDED",
            metadata={"unfit": ",".join(unfit)},
        )


def check_cost_columns(costs: Costs, missing_shares: Mapping[str, float]) -> None:
    """Raise where a cost is to be taken from no feature column of the data set, or from one with gaps.

    InvalidInput names the fields of the first; for gaps, told by each column's share of missing values in the train
    split, it is Precondition COST_COLUMN_UNUSABLE. Other values of a column are looked at by who reads them.
    """
    violations = [
        FieldViolation(f"costs.{name}", f"is no feature column of the data set: {getattr(costs, name)}")
        for name in ("false_negative_column", "false_positive_column")
        if getattr(costs, name) and getattr(costs, name) not in missing_shares
    ]
    if violations:
        raise InvalidInput(violations)
    for column in costs.columns:
        if missing_shares[column] > 0.0:
            raise Precondition(
                f"{column} is missing for {missing_shares[column]:.2%} of the train split, so wrong answers about "
                "these would cost nothing; take the costs from another column or as plain numbers",
                reason="COST_COLUMN_UNUSABLE",
                metadata={"column": column},
            )


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
