"""Folds hold every row out once a repeat, and the search keeps what costs least."""

import itertools

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from services.trainer.domain.classifiers.fitting import Fit
from services.trainer.domain.cleaning import CleaningOptions, Imputation
from services.trainer.domain.hyperparameters import Hyperparameters
from services.trainer.domain.plan import Resampling
from services.trainer.domain.threshold import Costs, best_cost
from services.trainer.domain.tuning import Fold, Trial, prepare_folds, search, try_hyperparameters
from shared.bundle.linear_model import LinearModel
from shared.bundle.models import Model
from tests.unit.trainer.applicants import COLUMNS, labelled_rows

_ROWS = labelled_rows(120, seed=4)
_WIDTH = len(COLUMNS)


class _Learner:
    """A classifier whose first coefficient is the hyper-parameter `weight`; it keeps what it was to learn from."""

    def __init__(self) -> None:
        self.values: list[NDArray[np.float64]] = []

    def __call__(self, values: NDArray[np.float64], targets: NDArray[np.int8], *, threads: int) -> Fit:
        """Keep the rows."""
        assert (len(values), threads) == (len(targets), 1)
        self.values.append(values.copy())
        return _weigh


def _weigh(hyperparameters: Hyperparameters, seed: int) -> Model:
    assert seed == 0
    coefficients = np.array([float(hyperparameters["weight"]), *[0.0] * (_WIDTH - 1)])
    return LinearModel(coefficients, 0.0, means=np.zeros(_WIDTH), scales=np.ones(_WIDTH))


def _folds(resampling: Resampling, *, learner: _Learner | None = None) -> list[Fold]:
    return prepare_folds(
        _ROWS.frame,
        _ROWS.targets,
        columns=COLUMNS,
        cleaning=CleaningOptions(Imputation.MEAN),
        prepare=learner or _Learner(),
        resampling=resampling,
        threads=1,
        on_fold=lambda *_: None,
    )


def _search(weights: list[float]) -> tuple[list[Trial], Trial]:
    combinations: list[dict[str, float | int | str]] = [{"weight": weight} for weight in weights]
    folds = _folds(Resampling(3, 1, 0))
    trials, best = search(combinations, folds, _ROWS.targets, costs=Costs(), seed=0, on_trial=lambda _: None)
    return trials, best.trial


@pytest.mark.parametrize(("folds", "repeats"), [(2, 1), (5, 1), (4, 3)])
def test_each_repeat_holds_every_row_out_exactly_once(folds: int, repeats: int) -> None:
    """So that out-of-fold margins have neither gaps nor a row that was scored twice."""
    prepared = _folds(Resampling(folds, repeats, seed=9))

    assert [fold.repeat for fold in prepared] == [repeat for repeat in range(repeats) for _ in range(folds)]
    for repeat in range(repeats):
        held_out = [fold.rows for fold in prepared if fold.repeat == repeat]
        assert sorted(np.concatenate(held_out)) == list(range(len(_ROWS.targets)))


def test_defaults_are_spread_evenly_over_the_folds() -> None:
    """Stratified: no two folds differ by more than one default, or in size by more than two rows."""
    prepared = _folds(Resampling(5, 2, seed=1))

    defaults = [int(_ROWS.targets[fold.rows].sum()) for fold in prepared]
    assert max(defaults) - min(defaults) <= 1
    assert max(len(fold.rows) for fold in prepared) - min(len(fold.rows) for fold in prepared) <= 2


def test_repeats_and_seeds_draw_other_folds() -> None:
    """A repeat of the same folds would say nothing new; the same seed says the same again."""
    first, again, other = (_folds(Resampling(3, 2, seed)) for seed in (5, 5, 50))

    assert [fold.rows.tolist() for fold in first] == [fold.rows.tolist() for fold in again]
    assert first[0].rows.tolist() != first[3].rows.tolist()
    assert first[0].rows.tolist() != other[0].rows.tolist()


def test_what_replaces_a_missing_value_comes_from_the_other_folds_alone() -> None:
    """The mean of all rows would tell each model something of the rows that it is judged on."""
    learner = _Learner()

    prepared = _folds(Resampling(3, 1, seed=2), learner=learner)

    column = _ROWS.frame[COLUMNS[1]].to_numpy()
    for fold, learnt in zip(prepared, learner.values, strict=True):
        inside = np.setdiff1d(np.arange(len(column)), fold.rows)
        mean = np.nanmean(column[inside])
        gaps = np.isnan(column[fold.rows])
        assert gaps.any()
        assert fold.values[gaps, 1] == pytest.approx(mean)
        assert learnt[np.isnan(column[inside]), 1] == pytest.approx(mean)


def test_a_variable_that_leaks_is_dropped_inside_the_folds_as_well() -> None:
    """With all its columns, so that no trial is judged by what its final model will not see."""
    learner = _Learner()
    told = pl.Series("TOLD_yes", _ROWS.targets, dtype=pl.Float64)

    prepare_folds(
        _ROWS.frame.with_columns(told, (1.0 - told).alias("TOLD_no")),
        _ROWS.targets,
        columns=[*COLUMNS, "TOLD_yes", "TOLD_no"],
        cleaning=CleaningOptions(Imputation.MEAN, max_target_cramers_v=0.5),
        variables={"TOLD_yes": "TOLD", "TOLD_no": "TOLD"},
        prepare=learner,
        resampling=Resampling(3, 1, 0),
        threads=1,
        on_fold=lambda *_: None,
    )

    assert [values.shape[1] for values in learner.values] == [_WIDTH] * 3


def test_a_trial_is_what_the_held_out_margins_say() -> None:
    """Its cost is the mean over repeats, its seconds the fits' alone, and no margin is missing."""
    ticks = itertools.count()
    folds = _folds(Resampling(3, 2, 0))

    tried = try_hyperparameters(
        7, {"weight": 2.0}, folds, _ROWS.targets, costs=Costs(), seed=0, clock=lambda: float(next(ticks))
    )

    expected = 2.0 * _ROWS.frame[COLUMNS[0]].to_numpy()
    assert tried.margins == pytest.approx(np.vstack([expected, expected]))
    assert tried.trial.cost == pytest.approx(best_cost(_ROWS.targets, expected, Costs()))
    assert (tried.trial.number, len(tried.trial.aucs), tried.trial.training_seconds) == (7, 6, 6.0)
    assert tried.trial.summary().auc == pytest.approx(np.mean(tried.trial.aucs))
    assert tried.trial.summary().auc_deviation == pytest.approx(np.std(tried.trial.aucs, ddof=1))


def test_a_trial_counts_what_is_at_stake_with_each_applicant() -> None:
    """The objective is the lender's money, not the number of mistakes."""
    costs = Costs(0.6, 0.1, "AMT_CREDIT", "AMT_CREDIT")
    amounts = np.random.default_rng(3).integers(1, 1000, len(_ROWS.targets)).astype(np.float64)

    tried = try_hyperparameters(
        0, {"weight": 2.0}, _folds(Resampling(3, 2, 0)), _ROWS.targets, costs=costs, amounts=amounts, seed=0
    )

    expected = [best_cost(_ROWS.targets, margins, costs, amounts) for margins in tried.margins]
    assert tried.trial.cost == pytest.approx(np.mean(expected))


def test_the_cheapest_combination_wins_wherever_it_stands() -> None:
    """A weight of the wrong sign ranks applicants the wrong way round."""
    trials, best = _search([-1.0, 1.0, 0.0])

    assert [trial.number for trial in trials] == [0, 1, 2]
    assert best.number == 1
    assert best.cost == min(trial.cost for trial in trials)


def test_of_combinations_that_do_equally_well_the_first_wins() -> None:
    """The result does not depend on which of two equal models was looked at last."""
    trials, best = _search([0.5, 1.0, 2.0])

    assert len({(trial.cost, trial.aucs) for trial in trials}) == 1
    assert best.number == 0


def test_a_search_of_nothing_is_an_error() -> None:
    """It has no best model to return."""
    with pytest.raises(ValueError, match="no combination"):
        _search([])
