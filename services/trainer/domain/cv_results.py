"""The table of trials, laid out like scikit-learn's `cv_results_`."""

import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from services.trainer.domain.results import TrialState
from services.trainer.domain.search import Objective
from services.trainer.domain.trials import FoldScore, Trial

Cell = int | float | str | None
_SCORES = ("auc", "business_cost", "log_loss")


def cv_results(trials: Sequence[Trial], objective: Objective) -> list[dict[str, Cell]]:
    """Return one row a trial, with the columns of scikit-learn's `cv_results_` and a few of our own.

    For auc, business_cost and log_loss there are split{i}_test_, mean_test_ and std_test_ (ddof = 0) of the folds that
    were trained, for fit and score the mean and std of their seconds. rank_test_{objective} is 1 for the best of the
    complete trials; of equal objectives the larger AUC ranks first, and equal in both they share a rank. Costs and
    log-losses are positive: less is better. What a trial has not is None.
    """
    keys = sorted(_key(trial, objective) for trial in trials if trial.state is TrialState.COMPLETE)
    folds = max((len(trial.folds) for trial in trials), default=0)
    names = {name: None for trial in trials for name in trial.hyperparameters}
    return [_row(trial, objective, keys, names, folds) for trial in trials]


def _row(
    trial: Trial,
    objective: Objective,
    keys: Sequence[tuple[float, float]],
    names: Mapping[str, None],
    folds: int,
) -> dict[str, Cell]:
    complete = trial.state is TrialState.COMPLETE
    return {
        "trial": trial.number,
        "state": trial.state.value,
        **_times(trial.folds),
        **{f"param_{name}": trial.hyperparameters.get(name) for name in names},
        "params": json.dumps(dict(trial.hyperparameters), sort_keys=True),
        **{column: cell for score in _SCORES for column, cell in _score(trial.folds, score, folds)},
        objective.value.lower(): trial.objective if trial.running else None,
        f"rank_test_{objective.value.lower()}": 1 + keys.index(_key(trial, objective)) if complete else None,
        "rounds": trial.rounds,
        "error": trial.error,
    }


def _times(folds: Sequence[FoldScore]) -> dict[str, Cell]:
    fits, scores = [fold.fit_seconds for fold in folds], [fold.score_seconds for fold in folds]
    return {
        "mean_fit_time": _mean(fits),
        "std_fit_time": _deviation(fits),
        "mean_score_time": _mean(scores),
        "std_score_time": _deviation(scores),
    }


def _score(folds: Sequence[FoldScore], score: str, count: int) -> Iterator[tuple[str, Cell]]:
    values: list[float] = [getattr(fold, score) for fold in folds]
    for place in range(count):
        yield f"split{place}_test_{score}", values[place] if place < len(values) else None
    yield f"mean_test_{score}", _mean(values)
    yield f"std_test_{score}", _deviation(values)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _deviation(values: Sequence[float]) -> float | None:
    return float(np.std(values)) if values else None


def _key(trial: Trial, objective: Objective) -> tuple[float, float]:
    return -trial.objective if objective.larger_is_better else trial.objective, -trial.auc
