"""A search remembers its trials and goes on drawing where another process stopped, in Optuna as in its fake."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from sqlalchemy import create_engine

from services.trainer.adapters.optuna_study import OptunaStudy, open_study
from services.trainer.domain.hyperparameters import Grid, HyperparameterValue, Range, Scale
from services.trainer.domain.imbalance import Imbalance
from services.trainer.domain.plan import Resampling, TrainingPlan
from services.trainer.domain.results import TrialState
from services.trainer.domain.search import Objective, Search, SearchMethod
from services.trainer.domain.study import Study
from services.trainer.domain.trials import FoldScore, Trial
from shared.errors import Unavailable
from tests.fakes import RememberedStudy

_DRAWS: tuple[dict[str, HyperparameterValue], ...] = (
    {"num_leaves": 8, "learning_rate": 0.1, "max_depth": 3},
    {"num_leaves": 9, "learning_rate": 0.2, "max_depth": 2},
)


def _plan(method: SearchMethod = SearchMethod.TPE, objective: Objective = Objective.LOG_LOSS) -> TrainingPlan:
    grid: Grid = {
        "num_leaves": Range(2, 64, Scale.LOGARITHMIC),
        "learning_rate": Range(1e-3, 1.0, Scale.LOGARITHMIC),
        "max_depth": (2, 3, 4),
    }
    return TrainingPlan(
        "ds", "m", "lightgbm", grid, Resampling(seed=7), search=Search(method, objective, max_trials=40)
    )


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """Return the URL of a database that is not there yet, in a folder that is not there yet."""
    return f"sqlite:///{tmp_path / 'new' / 'trials.db'}"


@pytest.fixture(params=["optuna", "fake"])
def reopened(request: pytest.FixtureRequest, sqlite: str) -> Iterator[Callable[[], Study]]:
    """Return what opens the same study again, as another process would."""
    if request.param == "fake":
        trials: list[Trial] = []
        yield lambda: RememberedStudy(_DRAWS, trials)
    else:
        yield lambda: open_study(sqlite, name="tj-1", plan=_plan())


def _trial(number: int, hyperparameters: dict[str, HyperparameterValue], state: TrialState) -> Trial:
    """Return a trial that does best at eight leaves and a rate of 0.05; every third is given up."""
    leaves, rate = float(hyperparameters["num_leaves"]), float(hyperparameters["learning_rate"])
    loss = (math.log(leaves / 8.0)) ** 2 + (math.log(rate / 0.05)) ** 2 + 0.1 * float(hyperparameters["max_depth"])
    if state is TrialState.FAILED:
        return Trial(number, hyperparameters, state, error="ValueError: no")
    return Trial(number, hyperparameters, state, (FoldScore(0.7, loss, 0.1, 1.0, 0.1, 30),), (loss,), loss, 0.1)


def _search(study: Study, until: int) -> list[Trial]:
    trials = list(study.finished())
    states = [TrialState.COMPLETE, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED]
    while len(trials) < until:
        trials.append(_trial(len(trials), dict(study.draw(trials)), states[len(trials) % 4]))
        study.add(trials[-1])
    return trials


def test_trials_are_found_again_as_they_were(reopened: Callable[[], Study]) -> None:
    """Complete, given up or failed, to the last bit."""
    trials = _search(reopened(), until=6)

    assert list(reopened().finished()) == trials
    assert {trial.state for trial in trials} == set(TrialState)


def test_a_search_that_was_broken_off_draws_what_it_would_have_drawn(reopened: Callable[[], Study]) -> None:
    """However often, in the random part as in the part that has learnt."""
    for until in (3, 14, 22):
        _search(reopened(), until)

    broken_off = [trial.hyperparameters for trial in _search(reopened(), until=30)]

    if isinstance(reopened(), OptunaStudy):
        assert broken_off == [trial.hyperparameters for trial in _search(open_study("", name="a", plan=_plan()), 30)]
    assert len(broken_off) == 30


def test_draws_keep_to_the_grid() -> None:
    """Whole numbers stay whole, and words and lists are drawn from."""
    trials = _search(open_study("", name="a", plan=_plan(SearchMethod.RANDOM)), until=40)

    drawn = [trial.hyperparameters for trial in trials]
    assert all(isinstance(each["num_leaves"], int) and 2 <= each["num_leaves"] <= 64 for each in drawn)
    assert all(isinstance(each["learning_rate"], float) and 1e-3 <= each["learning_rate"] <= 1.0 for each in drawn)
    assert {each["max_depth"] for each in drawn} == {2, 3, 4}
    # On a logarithmic scale half of the rates lie below the geometric middle.
    assert 10 <= sum(float(each["learning_rate"]) < 10**-1.5 for each in drawn) <= 30


def test_tpe_looks_where_earlier_trials_did_well() -> None:
    """The mean loss of its last ten trials is well below that of random ones."""
    losses = {
        method: [
            trial.running[-1] for trial in _search(open_study("", name="a", plan=_plan(method)), 60) if trial.running
        ]
        for method in (SearchMethod.TPE, SearchMethod.RANDOM)
    }

    last = {method: sum(values[-10:]) / 10 for method, values in losses.items()}
    assert last[SearchMethod.TPE] < 0.5 * last[SearchMethod.RANDOM]


def test_seeds_and_numbers_draw_otherwise() -> None:
    """Else every trial would be the first again."""
    first = open_study("", name="a", plan=_plan(SearchMethod.RANDOM))
    trials = _search(first, until=3)

    assert len({trial.hyperparameters["learning_rate"] for trial in trials}) == 3


def test_optunas_own_tools_find_the_study_and_its_best_trial(sqlite: str) -> None:
    """It is an ordinary study: the one that maximises has the largest value as its best."""
    study = open_study(sqlite, name="tj-auc", plan=_plan(objective=Objective.AUC))
    trials = _search(study, until=4)

    found = optuna.load_study(study_name="tj-auc", storage=sqlite)

    assert found.best_value == max(trial.objective for trial in trials if trial.state is TrialState.COMPLETE)
    assert [trial.state.name for trial in found.trials] == ["COMPLETE", "COMPLETE", "PRUNED", "FAIL"]


def test_several_processes_may_open_a_new_database_at_once(sqlite: str) -> None:
    """Two jobs begin at the same moment on a fresh machine; each keeps a study of its own."""

    def keep_two(number: int) -> list[Trial]:
        return _search(open_study(sqlite, name=f"tj-{number}", plan=_plan()), until=2)

    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(keep_two, range(4)))

    assert [open_study(sqlite, name=f"tj-{number}", plan=_plan()).finished() for number in range(4)] == kept


def test_a_database_that_is_none_is_told_as_unavailable(tmp_path: Path) -> None:
    """With what to look at."""
    (tmp_path / "trials.db").write_text("this is no database, though it has been given the name of one" * 20)

    with pytest.raises(Unavailable, match="COUNTERFOIL_TRAINER_DATABASE") as refusal:
        open_study(f"sqlite:///{tmp_path / 'trials.db'}", name="a", plan=_plan())

    assert refusal.value.reason == "SEARCH_STORE_UNAVAILABLE"


def test_a_database_that_is_lost_in_mid_search_is_told_as_unavailable(sqlite: str) -> None:
    """The job then fails with a reason instead of a traceback."""
    study = open_study(sqlite, name="a", plan=_plan())
    engine = create_engine(sqlite)
    with closing(engine.raw_connection()) as connection:
        connection.execute("DROP TABLE trials")

    with pytest.raises(Unavailable):
        study.finished()


def test_neighbours_of_synthetic_applicants_are_drawn_as_well(sqlite: str) -> None:
    """They are no hyper-parameter of the classifier's own."""
    plan = replace(_plan(), grid={"smote_k_neighbors": Range(2, 9)}, imbalance=Imbalance.SMOTE)

    drawn = open_study(sqlite, name="tj-1", plan=plan).draw([])["smote_k_neighbors"]

    assert isinstance(drawn, int)
    assert 2 <= drawn <= 9
