"""A search's trials in Optuna: drawn by its samplers, kept in its durable storage."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, create_trial
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from services.trainer.domain.hyperparameters import Hyperparameter, HyperparameterValue, Range, Scale, values_of
from services.trainer.domain.plan import TrainingPlan
from services.trainer.domain.results import TrialState
from services.trainer.domain.search import SearchMethod
from services.trainer.domain.trials import Trial, trial_from_json
from shared.errors import Unavailable

_TRIAL = "counterfoil.trial"
_STATES = {
    TrialState.COMPLETE: optuna.trial.TrialState.COMPLETE,
    TrialState.PRUNED: optuna.trial.TrialState.PRUNED,
    TrialState.FAILED: optuna.trial.TrialState.FAIL,
}
_OPENINGS = 5
_BUSY_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class OptunaStudy:
    """The Study of one training. Each trial is written in one piece when it has ended, so none is ever half there.

    What is drawn for a trial depends on method, seed, its number and the trials before it, and on nothing else: a
    search that goes on in another process goes on as it would have here.
    """

    study: optuna.Study
    distributions: Mapping[str, BaseDistribution]
    direction: StudyDirection
    method: SearchMethod
    seed: int

    def finished(self) -> Sequence[Trial]:
        """Return the trials that were added, by number."""
        with _reaching_storage():
            kept = self.study.get_trials(deepcopy=False)
        return [trial_from_json(json.loads(each.user_attrs[_TRIAL])) for each in kept]

    def add(self, trial: Trial) -> None:
        """Remember a trial that has ended; when this returns, it outlives the process."""
        with _reaching_storage():
            self.study.add_trial(self._frozen(trial))

    def draw(self, finished: Sequence[Trial]) -> Mapping[str, HyperparameterValue]:
        """Return what to try next of the grid."""
        # A study of its own for each draw: Optuna's samplers keep a state that no other process could take over.
        imagined = optuna.create_study(sampler=self._sampler(len(finished)), direction=self.direction)
        imagined.add_trials([self._frozen(trial) for trial in finished])
        return imagined.ask(dict(self.distributions)).params

    def _sampler(self, number: int) -> BaseSampler:
        seed = int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0])
        return TPESampler(seed=seed) if self.method is SearchMethod.TPE else RandomSampler(seed=seed)

    def _frozen(self, trial: Trial) -> FrozenTrial:
        complete = trial.state is TrialState.COMPLETE
        return create_trial(
            state=_STATES[trial.state],
            value=trial.objective if complete else None,
            params={name: trial.hyperparameters[name] for name in self.distributions},
            distributions=dict(self.distributions),
            intermediate_values=dict(enumerate(trial.running)),
            user_attrs={_TRIAL: json.dumps(trial.to_json(), allow_nan=False)},
        )


def open_study(url: str, *, name: str, plan: TrainingPlan) -> OptunaStudy:
    """Return the study of that name in the database at a SQLAlchemy URL, made where there is none; "": in memory.

    Several processes may open the same new database at once. Raises Unavailable SEARCH_STORE_UNAVAILABLE.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    known = {hyperparameter.name: hyperparameter for hyperparameter in plan.hyperparameters}
    distributions = {each: _distribution(known[each], choice) for each, choice in sorted(plan.grid.items())}
    direction = StudyDirection.MAXIMIZE if plan.search.objective.larger_is_better else StudyDirection.MINIMIZE
    with _reaching_storage():
        storage = _open_storage(url) if url else InMemoryStorage()
        study = optuna.create_study(storage=storage, study_name=name, direction=direction, load_if_exists=True)
    return OptunaStudy(study, distributions, direction, plan.search.method, plan.resampling.seed)


def _open_storage(url: str) -> BaseStorage:
    options = {}
    if make_url(url).get_backend_name() == "sqlite":
        Path(make_url(url).database or "").parent.mkdir(parents=True, exist_ok=True)
        options = {"connect_args": {"timeout": _BUSY_TIMEOUT_S}}
    for _ in range(_OPENINGS - 1):
        try:
            return RDBStorage(url, engine_kwargs=options)
        except SQLAlchemyError:
            # Another process made the same tables at the same moment; the next look finds them.
            continue
    return RDBStorage(url, engine_kwargs=options)


def _distribution(hyperparameter: Hyperparameter, choice: Sequence[HyperparameterValue] | Range) -> BaseDistribution:
    if not isinstance(choice, Range):
        return CategoricalDistribution(values_of(hyperparameter, choice))
    log = choice.scale is Scale.LOGARITHMIC
    if hyperparameter.type == "integer":
        return IntDistribution(int(choice.minimum), int(choice.maximum), log=log)
    return FloatDistribution(choice.minimum, choice.maximum, log=log)


@contextmanager
def _reaching_storage() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, OSError) as error:
        raise Unavailable(
            "the trials of the search cannot be read or written now; see that the database of "
            "COUNTERFOIL_TRAINER_DATABASE answers and its disk has room, then create the job again",
            reason="SEARCH_STORE_UNAVAILABLE",
        ) from error
