"""The table of trials reads like scikit-learn's cv_results_."""

import json

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from services.trainer.domain.cv_results import cv_results
from services.trainer.domain.results import TrialState
from services.trainer.domain.search import Objective
from services.trainer.domain.trials import FoldScore, Trial


def _trial(number: int, cost: float, aucs: tuple[float, ...], state: TrialState = TrialState.COMPLETE) -> Trial:
    folds = tuple(FoldScore(auc, cost, 0.2, 1.0 + place, 0.1) for place, auc in enumerate(aucs))
    return Trial(number, {"C": 10.0**number, "solver": "lbfgs"}, state, folds, (cost,) * len(aucs), cost, 0.2)


_TRIALS = [
    _trial(0, 0.6, (0.70, 0.72)),
    _trial(1, 0.5, (0.71, 0.73)),
    _trial(2, 0.5, (0.74, 0.76)),
    _trial(3, 0.4, (0.80,), TrialState.PRUNED),
    Trial(4, {"C": -1.0, "solver": "lbfgs"}, TrialState.FAILED, error="ValueError: C"),
]


def test_trials_rank_by_objective_then_by_area() -> None:
    """Of trials that were not complete there is no rank."""
    by_cost = cv_results(_TRIALS, Objective.BUSINESS_COST)
    by_auc = cv_results(
        [Trial(t.number, t.hyperparameters, t.state, t.folds, (t.auc,)) for t in _TRIALS[:3]], Objective.AUC
    )

    assert [row["rank_test_business_cost"] for row in by_cost] == [3, 2, 1, None, None]
    assert [row["rank_test_auc"] for row in by_auc] == [3, 2, 1]


def test_means_and_deviations_are_numpys_over_the_folds() -> None:
    """As in scikit-learn, where ddof is 0."""
    row = cv_results(_TRIALS, Objective.BUSINESS_COST)[2]

    assert (row["split0_test_auc"], row["split1_test_auc"]) == (0.74, 0.76)
    assert row["mean_test_auc"] == pytest.approx(0.75)
    assert row["std_test_auc"] == pytest.approx(np.std([0.74, 0.76]))
    assert (row["mean_fit_time"], row["std_fit_time"]) == (1.5, 0.5)
    assert (row["param_C"], json.loads(str(row["params"]))) == (100.0, {"C": 100.0, "solver": "lbfgs"})


def test_what_a_trial_has_not_is_empty() -> None:
    """Every row has the same columns, so that the table is one."""
    table = pl.DataFrame(cv_results(_TRIALS, Objective.BUSINESS_COST), infer_schema_length=None)

    assert table["split1_test_auc"].to_list() == [0.72, 0.73, 0.76, None, None]
    assert table["error"].to_list()[-1] == "ValueError: C"
    assert pl.read_csv(table.write_csv().encode())["rank_test_business_cost"].to_list() == [3, 2, 1, None, None]


def test_every_column_of_scikit_learns_own_search_is_there() -> None:
    """A notebook that reads one reads the other."""
    random = np.random.default_rng(0)
    values, targets = random.normal(size=(40, 2)), np.arange(40) % 2
    theirs = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, scoring=["roc_auc"], refit="roc_auc", cv=2)
    theirs.fit(values, targets)

    ours = cv_results(_TRIALS, Objective.AUC)[0] | cv_results(_TRIALS[:1], Objective.BUSINESS_COST)[0]

    assert {name.replace("roc_auc", "auc") for name in theirs.cv_results_} <= set(ours)


def test_a_search_without_trials_has_an_empty_table() -> None:
    """Nothing is asked of folds that are not there."""
    assert cv_results([], Objective.AUC) == []
