"""The search tries what the budget allows, keeps what does best, and goes on where another process stopped."""

import pytest

from services.trainer.domain.hyperparameters import Grid, Hyperparameter, HyperparameterValue, Range
from services.trainer.domain.judging import Judge
from services.trainer.domain.plan import Resampling
from services.trainer.domain.results import TrialState
from services.trainer.domain.search import Objective, Search, SearchMethod
from services.trainer.domain.study import best_trial, pruning_rule, search, space_of
from services.trainer.domain.threshold import Costs
from services.trainer.domain.trials import FoldScore, Trial, trial_from_json
from services.trainer.domain.tuning import TriedModel
from shared.errors import Precondition
from tests.fakes import RememberedStudy
from tests.unit.trainer.learners import ROWS, folds_of

_KNOWN = (Hyperparameter("weight", "real", 1.0, "How much."), Hyperparameter("unused", "integer", 3, "Nothing."))
_FOLDS = folds_of(Resampling(3, 1, 0))
_DRAWS: tuple[dict[str, HyperparameterValue], ...] = ({"weight": 0.0}, {"weight": -1.0}, {"weight": 2.0})
_RANDOM = Search(SearchMethod.RANDOM, max_trials=5)


def _judge(objective: Objective = Objective.BUSINESS_COST) -> Judge:
    return Judge(objective, ROWS.targets, Costs())


def _search(
    study: RememberedStudy, how: Search | None = None, grid: Grid | None = None
) -> tuple[list[Trial], TriedModel]:
    how = how or Search()
    space = space_of(how, grid or {"weight": Range(-1.0, 2.0)}, _KNOWN)
    return search(space, study, _FOLDS, _judge(how.objective), seed=0, on_trial=lambda _: None)


def _trial(number: int, running: tuple[float, ...], auc: float = 0.7, seconds: float = 0.0) -> Trial:
    folds = tuple(FoldScore(auc, cost, 0.1, seconds, 0.0) for cost in running)
    return Trial(number, {"weight": 1.0}, TrialState.COMPLETE, folds, running, running[-1], 0.1)


def test_the_cheapest_combination_wins_wherever_it_stands() -> None:
    """A weight of the wrong sign ranks applicants the wrong way round."""
    trials, best = _search(RememberedStudy(), grid={"weight": (-1.0, 1.0, 0.0)})

    assert [trial.number for trial in trials] == [0, 1, 2]
    assert best.trial.number == 1
    assert best.trial.cost == min(trial.cost for trial in trials if trial.cost is not None)
    assert best.trial.hyperparameters == {"weight": 1.0, "unused": 3}


def test_of_combinations_that_do_equally_well_the_first_wins() -> None:
    """The result does not depend on which of two equal models was looked at last."""
    trials, best = _search(RememberedStudy(), grid={"weight": (0.5, 1.0, 2.0)})

    assert len({(trial.cost, trial.auc) for trial in trials}) == 1
    assert best.trial.number == 0


@pytest.mark.parametrize("objective", Objective)
def test_every_objective_finds_the_weight_that_ranks_right(objective: Objective) -> None:
    """The area under the curve is the one of which more is better."""
    _, best = _search(RememberedStudy(_DRAWS), Search(SearchMethod.RANDOM, objective, max_trials=3))

    assert best.trial.hyperparameters["weight"] == 2.0


def test_a_budget_in_trials_is_kept_and_each_trial_is_remembered() -> None:
    """In the order of their numbers."""
    study = RememberedStudy(_DRAWS)

    trials, _ = _search(study, _RANDOM)

    assert [trial.number for trial in trials] == [0, 1, 2, 3, 4]
    assert study.trials == trials


def test_no_trial_begins_once_the_time_is_spent() -> None:
    """What earlier processes spent counts as well, and the first trial always runs."""
    how = Search(SearchMethod.RANDOM, max_trials=5, max_seconds=7.0)
    spent = RememberedStudy(_DRAWS, [_trial(0, (0.5, 0.5), seconds=3.0), _trial(1, (0.5, 0.5), seconds=0.5)])

    assert len(_search(spent, how)[0]) == 2
    assert (
        len(_search(RememberedStudy(_DRAWS), Search(SearchMethod.GRID, max_seconds=1e-9), {"weight": (1, 2)})[0]) == 1
    )


@pytest.mark.parametrize("done", [1, 3, 4, 5])
def test_a_search_that_was_broken_off_ends_like_one_that_was_not(done: int) -> None:
    """Trials that had ended are not run again; the margins of a winner among them come out the same."""
    whole = RememberedStudy(_DRAWS)
    trials, best = _search(whole, _RANDOM)
    broken_off = RememberedStudy(_DRAWS, [trial_from_json(trial.to_json()) for trial in trials[:done]])

    again, same = _search(broken_off, _RANDOM)

    assert again[:done] == trials[:done]
    assert [trial.running for trial in again] == [trial.running for trial in trials]
    assert (same.trial.number, same.margins.tolist()) == (best.trial.number, best.margins.tolist())


def test_a_combination_that_fails_leaves_the_win_to_others() -> None:
    """It is listed with the others."""
    trials, best = _search(
        RememberedStudy(({"weight": "none"}, {"weight": 1.0})), Search(SearchMethod.TPE, max_trials=2)
    )

    assert [trial.state for trial in trials] == [TrialState.FAILED, TrialState.COMPLETE]
    assert best.trial.number == 1


def test_a_search_in_which_nothing_can_be_trained_says_why() -> None:
    """In the words of the classifier's library."""
    with pytest.raises(Precondition, match="could not convert") as refusal:
        _search(RememberedStudy(({"weight": "none"},)), _RANDOM)

    assert refusal.value.reason == "TRIALS_FAILED"


def test_a_trial_is_given_up_when_it_is_worse_than_the_median_after_the_same_fold() -> None:
    """Once five trials are complete, and not before."""
    complete = [_trial(number, (number / 10.0, number / 20.0)) for number in range(5)]
    how = Search(pruning=True)

    rule = pruning_rule(how, _judge(), complete)

    assert (rule([0.21]), rule([0.2])) == (True, False)
    assert (rule([0.0, 0.11]), rule([0.9, 0.1])) == (True, False)
    assert not pruning_rule(how, _judge(), complete[:4])([9.0])
    assert not pruning_rule(Search(), _judge(), complete)([9.0])


def test_of_the_area_under_the_curve_less_is_worse() -> None:
    """For giving up as for winning."""
    complete = [_trial(number, (0.5 + number / 10.0,)) for number in range(5)]

    assert pruning_rule(Search(pruning=True), _judge(Objective.AUC), complete)([0.69])
    assert best_trial(complete, _judge(Objective.AUC)) is complete[4]
    assert best_trial([], _judge()) is None


def test_pruning_leaves_the_winner_a_complete_trial() -> None:
    """A trial that was given up is never the best, whatever its folds said."""
    draws: list[dict[str, HyperparameterValue]] = [{"weight": weight} for weight in [1.0] * 5 + [-1.0] * 2]
    trials, best = _search(RememberedStudy(draws), Search(SearchMethod.RANDOM, max_trials=7, pruning=True))

    assert [trial.state for trial in trials[5:]] == [TrialState.PRUNED] * 2
    assert all(len(trial.folds) < 3 for trial in trials[5:])
    assert best.trial.number == 0
