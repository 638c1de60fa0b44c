"""Curves are drawn from any scored splits and trials, and equal trainings give equal files."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from services.trainer.adapters.curves import draw_curves, varied_hyperparameters
from services.trainer.domain.hyperparameters import HyperparameterValue
from services.trainer.domain.results import TrialState
from services.trainer.domain.scored import Scored
from services.trainer.domain.threshold import Costs
from services.trainer.domain.trials import Trial

_RANDOM = np.random.default_rng(4)
_SCORED = Scored(
    (_RANDOM.random(80) < 0.2).astype(np.int8), _RANDOM.uniform(0.01, 0.99, 80), _RANDOM.uniform(1.0, 9.0, 80)
)
_COSTS = Costs(0.6, 0.1, "AMT_CREDIT", "AMT_CREDIT")
_CURVES = ("precision_recall", "cost_curve", "calibration")


def _trial(number: int, cost: float | None = 0.5, state: TrialState = TrialState.COMPLETE, **values: object) -> Trial:
    hyperparameters: dict[str, HyperparameterValue] = dict(values)  # type: ignore[arg-type]  # values of any type
    return Trial(number, hyperparameters, state, cost=cost)


@pytest.mark.parametrize("splits", [("cv", "train", "test"), ("cv", "train")])
def test_each_curve_is_written(tmp_path: Path, splits: tuple[str, ...]) -> None:
    """Also where a data set has no test split; a search of one combination has no influence to show."""
    draw_curves(tmp_path, dict.fromkeys(splits, _SCORED), 0.4, _COSTS, [_trial(0, num_leaves=8)])

    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(_CURVES)
    # More than one colour: something was drawn.
    assert all(len(np.unique(imread(tmp_path / f"{name}.png"))) > 2 for name in _CURVES)


def test_influence_is_drawn_of_numbers_small_and_large_and_of_words(tmp_path: Path) -> None:
    """One panel each, of any number of hyper-parameters."""
    trials = [
        _trial(n, 0.5 + 0.1 * n, C=10.0 ** (n - 2), solver=("lbfgs", "newton-cholesky")[n % 2], max_depth=n - 1)
        for n in range(5)
    ]

    draw_curves(tmp_path, {"cv": _SCORED}, 0.4, _COSTS, trials)

    assert len(np.unique(imread(tmp_path / "hyperparameters.png"))) > 2


def test_only_whole_trials_and_what_varied_are_shown() -> None:
    """A pruned trial's cost is of some folds alone, a failed one has none."""
    trials = [
        _trial(0, 0.5, num_leaves=8, reg_lambda=1.0),
        _trial(1, 0.4, num_leaves=16, reg_lambda=1.0),
        _trial(2, 0.1, TrialState.PRUNED, num_leaves=32, reg_lambda=1.0),
        _trial(3, None, TrialState.FAILED, num_leaves=64, reg_lambda=2.0),
    ]

    assert varied_hyperparameters(trials) == {"num_leaves": [(8, 0.5), (16, 0.4)]}


def test_equal_trainings_give_equal_curves(tmp_path: Path) -> None:
    """No date is in them."""
    trials = [_trial(0, 0.5, num_leaves=8), _trial(1, 0.4, num_leaves=16)]
    for run in ("first", "again"):
        (tmp_path / run).mkdir()
        draw_curves(tmp_path / run, {"cv": _SCORED}, 0.4, _COSTS, trials)

    for name in (*_CURVES, "hyperparameters"):
        first, again = ((tmp_path / run / f"{name}.png").read_bytes() for run in ("first", "again"))
        assert first == again
