"""Searches, their grids and trials between messages and the domain."""

from collections.abc import Mapping

from counterfoil.trainer.v1 import training_pb2
from services.trainer.domain.hyperparameters import Choice, Grid, HyperparameterValue, Range, Scale
from services.trainer.domain.results import TrialSummary
from services.trainer.domain.search import Objective, Search, SearchMethod, usual_trials
from shared.errors import InvalidInput

_METHODS: Mapping[training_pb2.SearchMethod.ValueType, SearchMethod] = {
    training_pb2.SEARCH_METHOD_UNSPECIFIED: SearchMethod.GRID,
    **{training_pb2.SearchMethod.Value(f"SEARCH_METHOD_{method}"): method for method in SearchMethod},
}
_OBJECTIVES: Mapping[training_pb2.SearchObjective.ValueType, Objective] = {
    training_pb2.SEARCH_OBJECTIVE_UNSPECIFIED: Objective.BUSINESS_COST,
    **{training_pb2.SearchObjective.Value(f"SEARCH_OBJECTIVE_{objective}"): objective for objective in Objective},
}
_SCALES: Mapping[training_pb2.RangeScale.ValueType, Scale] = {
    training_pb2.RANGE_SCALE_UNSPECIFIED: Scale.LINEAR,
    **{training_pb2.RangeScale.Value(f"RANGE_SCALE_{scale}"): scale for scale in Scale},
}


def search_from_proto(search: training_pb2.Search) -> Search:
    """Return the search with defaults filled in; raises InvalidInput for an enum that is unknown here."""
    if search.method not in _METHODS:
        raise InvalidInput.of("search.method", f"must be {', '.join(SearchMethod)}")
    if search.objective not in _OBJECTIVES:
        raise InvalidInput.of("search.objective", f"must be {', '.join(Objective)}")
    method = _METHODS[search.method]
    max_seconds = search.max_seconds if search.HasField("max_seconds") else None
    return Search(
        method,
        _OBJECTIVES[search.objective],
        max_trials=search.max_trials or usual_trials(method, max_seconds),
        max_seconds=max_seconds,
        pruning=search.pruning if search.HasField("pruning") else method is SearchMethod.TPE,
    )


def search_to_proto(search: Search) -> training_pb2.Search:
    """Return the search as it will be carried out."""
    return training_pb2.Search(
        method=training_pb2.SearchMethod.Value(f"SEARCH_METHOD_{search.method}"),
        objective=training_pb2.SearchObjective.Value(f"SEARCH_OBJECTIVE_{search.objective}"),
        max_trials=search.max_trials,
        max_seconds=search.max_seconds,
        pruning=search.pruning,
    )


def grid_from_proto(grid: Mapping[str, training_pb2.HyperparameterChoices]) -> Grid:
    """Return what to try by hyper-parameter; raises InvalidInput for what is neither values nor a range."""
    return {name: _choice_from_proto(f'grid["{name}"]', choices) for name, choices in grid.items()}


def choice_to_proto(choice: Choice) -> training_pb2.HyperparameterChoices:
    """Return what to try for one hyper-parameter."""
    if not isinstance(choice, Range):
        return training_pb2.HyperparameterChoices(values=[value_to_proto(value) for value in choice])
    scale = training_pb2.RangeScale.Value(f"RANGE_SCALE_{choice.scale}")
    return training_pb2.HyperparameterChoices(
        range=training_pb2.HyperparameterRange(
            minimum=choice.minimum, maximum=choice.maximum, scale=scale, steps=choice.steps
        )
    )


def value_to_proto(value: HyperparameterValue) -> training_pb2.HyperparameterValue:
    """Return one value of a hyper-parameter."""
    if isinstance(value, str):
        return training_pb2.HyperparameterValue(text=value)
    if isinstance(value, int):
        return training_pb2.HyperparameterValue(integer=value)
    return training_pb2.HyperparameterValue(real=value)


def trial_to_proto(trial: TrialSummary) -> training_pb2.Trial:
    """Return one trial; figures that it has not are absent."""
    return training_pb2.Trial(
        number=trial.number,
        hyperparameters={name: value_to_proto(value) for name, value in trial.hyperparameters.items()},
        cost=trial.cost,
        auc=trial.auc,
        auc_deviation=trial.auc_deviation,
        training_seconds=trial.training_seconds,
        state=training_pb2.TrialState.Value(f"TRIAL_STATE_{trial.state}"),
        log_loss=trial.log_loss,
        folds_trained=trial.folds_trained,
        rounds=trial.rounds,
        error=trial.error,
    )


def _choice_from_proto(path: str, choices: training_pb2.HyperparameterChoices) -> Choice:
    if not choices.HasField("range"):
        return tuple(_value_from_proto(f"{path}.values[{i}]", value) for i, value in enumerate(choices.values))
    if choices.values:
        raise InvalidInput.of(path, "has both values and a range; give one of them")
    given = choices.range
    for name in ("minimum", "maximum"):
        if not given.HasField(name):
            raise InvalidInput.of(f"{path}.range.{name}", "say where the range begins and ends")
    if given.scale not in _SCALES:
        raise InvalidInput.of(f"{path}.range.scale", f"must be {', '.join(Scale)}")
    return Range(given.minimum, given.maximum, _SCALES[given.scale], given.steps)


def _value_from_proto(path: str, value: training_pb2.HyperparameterValue) -> HyperparameterValue:
    kind = value.WhichOneof("value")
    if kind is None:
        raise InvalidInput.of(path, "set integer, real or text")
    found: HyperparameterValue = getattr(value, kind)
    return found
