"""Folds hold every row out once a repeat, and a trial is what the models say of the rows held out."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from services.trainer.domain.cleaning import CleaningOptions, Imputation
from services.trainer.domain.hyperparameters import Hyperparameters
from services.trainer.domain.judging import Judge
from services.trainer.domain.plan import Resampling
from services.trainer.domain.results import TrialState
from services.trainer.domain.search import Objective
from services.trainer.domain.threshold import Costs, best_cost
from services.trainer.domain.tuning import prepare_folds, try_hyperparameters
from shared.bundle.model import Model
from shared.errors import Precondition
from tests.unit.trainer.applicants import COLUMNS
from tests.unit.trainer.learners import ROWS, WIDTH, Learner, folds_of


def _judge(costs: Costs | None = None, amounts: NDArray[np.float64] | None = None) -> Judge:
    return Judge(Objective.BUSINESS_COST, ROWS.targets, costs or Costs(), amounts)


@pytest.mark.parametrize(("folds", "repeats"), [(2, 1), (5, 1), (4, 3)])
def test_each_repeat_holds_every_row_out_exactly_once(folds: int, repeats: int) -> None:
    """So that out-of-fold margins have neither gaps nor a row that was scored twice."""
    prepared = folds_of(Resampling(folds, repeats, seed=9))

    assert [fold.repeat for fold in prepared] == [repeat for repeat in range(repeats) for _ in range(folds)]
    for repeat in range(repeats):
        held_out = [fold.rows for fold in prepared if fold.repeat == repeat]
        assert sorted(np.concatenate(held_out)) == list(range(len(ROWS.targets)))


def test_defaults_are_spread_evenly_over_thefolds_of() -> None:
    """Stratified: no two folds differ by more than one default, or in size by more than two rows."""
    prepared = folds_of(Resampling(5, 2, seed=1))

    defaults = [int(ROWS.targets[fold.rows].sum()) for fold in prepared]
    assert max(defaults) - min(defaults) <= 1
    assert max(len(fold.rows) for fold in prepared) - min(len(fold.rows) for fold in prepared) <= 2


def test_repeats_and_seeds_draw_otherfolds_of() -> None:
    """A repeat of the same folds would say nothing new; the same seed says the same again."""
    first, again, other = (folds_of(Resampling(3, 2, seed)) for seed in (5, 5, 50))

    assert [fold.rows.tolist() for fold in first] == [fold.rows.tolist() for fold in again]
    assert first[0].rows.tolist() != first[3].rows.tolist()
    assert first[0].rows.tolist() != other[0].rows.tolist()


def test_what_replaces_a_missing_value_comes_from_the_other_folds_alone() -> None:
    """The mean of all rows would tell each model something of the rows that it is judged on."""
    learner = Learner()

    prepared = folds_of(Resampling(3, 1, seed=2), learner=learner)

    column = ROWS.frame[COLUMNS[1]].to_numpy()
    for fold, learnt in zip(prepared, learner.values, strict=True):
        inside = np.setdiff1d(np.arange(len(column)), fold.rows)
        mean = np.nanmean(column[inside])
        gaps = np.isnan(column[fold.rows])
        assert gaps.any()
        assert fold.values[gaps, 1] == pytest.approx(mean)
        assert learnt[np.isnan(column[inside]), 1] == pytest.approx(mean)


def test_a_variable_that_leaks_is_dropped_inside_the_folds_as_well() -> None:
    """With all its columns, so that no trial is judged by what its final model will not see."""
    learner = Learner()
    told = pl.Series("TOLD_yes", ROWS.targets, dtype=pl.Float64)

    prepare_folds(
        ROWS.frame.with_columns(told, (1.0 - told).alias("TOLD_no")),
        ROWS.targets,
        columns=[*COLUMNS, "TOLD_yes", "TOLD_no"],
        cleaning=CleaningOptions(Imputation.MEAN, max_target_cramers_v=0.5),
        variables={"TOLD_yes": "TOLD", "TOLD_no": "TOLD"},
        prepare=learner,
        resampling=Resampling(3, 1, 0),
        threads=1,
        on_fold=lambda *_: None,
    )

    assert [values.shape[1] for values in learner.values] == [WIDTH] * 3


def test_a_trial_is_what_the_held_out_margins_say() -> None:
    """Its cost is the mean over repeats, its seconds the fits' alone, and no margin is missing."""
    ticks = itertools.count()
    folds = folds_of(Resampling(3, 2, 0))

    tried = try_hyperparameters(7, {"weight": 2.0}, folds, _judge(), seed=0, clock=lambda: float(next(ticks)))

    expected = 2.0 * ROWS.frame[COLUMNS[0]].to_numpy()
    assert tried.margins == pytest.approx(np.vstack([expected, expected]))
    assert tried.trial.cost == pytest.approx(best_cost(ROWS.targets, expected, Costs()))
    assert (tried.trial.number, tried.trial.state, len(tried.trial.folds)) == (7, TrialState.COMPLETE, 6)
    assert tried.trial.seconds == 6.0
    aucs = [fold.auc for fold in tried.trial.folds]
    assert tried.trial.summary().auc == pytest.approx(np.mean(aucs))
    assert tried.trial.summary().auc_deviation == pytest.approx(np.std(aucs, ddof=1))


def test_a_trial_counts_what_is_at_stake_with_each_applicant() -> None:
    """The objective is the lender's money, not the number of mistakes."""
    costs = Costs(0.6, 0.1, "AMT_CREDIT", "AMT_CREDIT")
    amounts = np.random.default_rng(3).integers(1, 1000, len(ROWS.targets)).astype(np.float64)

    tried = try_hyperparameters(0, {"weight": 2.0}, folds_of(Resampling(3, 2, 0)), _judge(costs, amounts), seed=0)

    expected = [best_cost(ROWS.targets, margins, costs, amounts) for margins in tried.margins]
    assert tried.trial.cost == pytest.approx(np.mean(expected))


def test_the_objective_of_the_last_fold_is_that_of_all_rows() -> None:
    """What a trial is given up by grows into what it is judged by."""
    tried = try_hyperparameters(0, {"weight": 1.0}, folds_of(Resampling(4, 2, 0)), _judge(), seed=0)

    assert len(tried.trial.running) == 8
    assert tried.trial.objective == tried.trial.running[-1] == tried.trial.cost


def test_a_trial_that_is_given_up_tells_what_it_had_until_then() -> None:
    """Its figures are of the rows that it held out, and say so by their number."""
    folds = folds_of(Resampling(4, 1, 0))

    tried = try_hyperparameters(0, {"weight": 1.0}, folds, _judge(), seed=0, gives_up=lambda running: len(running) == 2)

    assert (tried.trial.state, len(tried.trial.folds)) == (TrialState.PRUNED, 2)
    seen = ~np.isnan(tried.margins[0])
    assert seen.sum() == len(ROWS.targets) / 2
    assert tried.trial.cost == best_cost(ROWS.targets[seen], tried.margins[0][seen], Costs())


def test_nobody_is_asked_to_give_up_a_trial_that_is_done() -> None:
    """After the last fold there is nothing left to save."""
    told: list[int] = []

    def gives_up(running: Sequence[float]) -> bool:
        told.append(len(running))
        return False

    try_hyperparameters(0, {"weight": 1.0}, folds_of(Resampling(3, 1, 0)), _judge(), seed=0, gives_up=gives_up)

    assert told == [1, 2]


@pytest.mark.parametrize(("weight", "said"), [("none", "ValueError: could not convert"), (math.nan, "must be finite")])
def test_a_combination_that_cannot_be_trained_fails_alone(weight: float | str, said: str) -> None:
    """The trial says what the classifier said; the search goes on."""
    tried = try_hyperparameters(3, {"weight": weight}, folds_of(Resampling(3, 1, 0)), _judge(), seed=0)

    assert (tried.trial.number, tried.trial.state, tried.trial.cost) == (3, TrialState.FAILED, None)
    assert said in tried.trial.error
    assert tried.trial.summary().auc is None


def test_what_the_trainer_itself_refuses_ends_the_search() -> None:
    """Such an error has a remedy of its own, which no other combination brings about."""

    def refuse(hyperparameters: Hyperparameters, seed: int) -> Model:  # noqa: ARG001 - as every Fit
        raise Precondition("there is no room", reason="NO_ROOM")

    folds = [replace(fold, fit=refuse) for fold in folds_of(Resampling(3, 1, 0))]

    with pytest.raises(Precondition):
        try_hyperparameters(0, {"weight": 1.0}, folds, _judge(), seed=0)
