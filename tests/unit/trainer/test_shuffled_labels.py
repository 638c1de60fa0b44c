"""Where there is nothing to learn, nothing is found: no row reaches the model that is judged on it."""

from dataclasses import replace

import numpy as np
import pytest

from services.trainer.domain.cleaning import CleaningOptions, Imputation
from services.trainer.domain.dataset import LabelledRows
from services.trainer.domain.hyperparameters import Hyperparameters
from services.trainer.domain.imbalance import Imbalance
from services.trainer.domain.judging import Judge
from services.trainer.domain.plan import Resampling, TrainingPlan
from services.trainer.domain.recipe import recipe_of
from services.trainer.domain.search import Objective
from services.trainer.domain.threshold import Costs
from services.trainer.domain.tuning import prepare_folds, try_hyperparameters
from tests.unit.trainer.applicants import COLUMNS, labelled_rows

# By chance one AUC of 6,000 rows, a fifth of them defaults, strays by 0.009, the mean over two shuffles by 0.007.
_ROWS = labelled_rows(6_000, seed=11)
_SHUFFLES = 2
_PLANS: dict[str, tuple[TrainingPlan, Hyperparameters]] = {
    "lightgbm": (
        TrainingPlan("ds-1", "m", "lightgbm"),
        {"n_estimators": 30, "learning_rate": 0.1, "num_leaves": 15, "min_child_samples": 20},
    ),
    "logistic_regression": (
        TrainingPlan("ds-1", "m", "logistic_regression"),
        {"C": 1.0, "max_iter": 200, "solver": "newton-cholesky"},
    ),
    "logistic_regression after SMOTE": (
        TrainingPlan("ds-1", "m", "logistic_regression", imbalance=Imbalance.SMOTE),
        {"C": 1.0, "max_iter": 200, "solver": "newton-cholesky", "smote_k_neighbors": 5},
    ),
}


def _auc(rows: LabelledRows, name: str) -> float:
    """Return the mean AUC of five held-out folds."""
    plan, hyperparameters = _PLANS[name]
    folds = prepare_folds(
        rows.frame,
        rows.targets,
        columns=COLUMNS,
        cleaning=CleaningOptions(Imputation.MEDIAN),
        prepare=recipe_of(plan),
        resampling=Resampling(5, 1, 0),
        threads=1,
        on_fold=lambda *_: None,
    )
    judge = Judge(Objective.BUSINESS_COST, rows.targets, Costs())
    return try_hyperparameters(0, hyperparameters, folds, judge, seed=0).trial.auc


@pytest.mark.parametrize("name", _PLANS)
def test_shuffled_labels_rank_nobody(name: str) -> None:
    """The AUC is one half within 0.02, where the same rows with their own labels are ranked far beyond that."""
    random = np.random.default_rng(12)
    shuffled = [replace(_ROWS, targets=random.permutation(_ROWS.targets)) for _ in range(_SHUFFLES)]

    areas = [_auc(rows, name) for rows in shuffled]

    assert np.mean(areas) == pytest.approx(0.5, abs=0.02)
    assert _auc(_ROWS, name) > 0.7
