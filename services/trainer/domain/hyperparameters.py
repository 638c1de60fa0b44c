"""What a hyper-parameter may be, and every way a grid of them can be wrong, found before any work starts."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.errors import FieldViolation, InvalidInput

HyperparameterValue = int | float | str
Hyperparameters = Mapping[str, HyperparameterValue]
Grid = Mapping[str, Sequence[HyperparameterValue]]

LARGEST_GRID = 1000


@dataclass(frozen=True)
class Hyperparameter:
    """One hyper-parameter of a classifier: its type, default and bounds (inclusive), or its words if it is a text."""

    name: str
    type: Literal["integer", "real", "text"]
    default: HyperparameterValue
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()


def check_grid(grid: Grid, known: Sequence[Hyperparameter]) -> None:
    """Raise InvalidInput that names each unknown hyper-parameter, each unfit value and each empty or repeated choice.

    Also raised, before any value is looked at, for more than LARGEST_GRID combinations.
    """
    # An empty choice counts as one: it must not hide how long another is.
    combinations = math.prod(max(1, len(values)) for values in grid.values())
    if combinations > LARGEST_GRID:
        raise InvalidInput.of("grid", f"makes {combinations} combinations; at most {LARGEST_GRID} are tried")
    by_name = {hyperparameter.name: hyperparameter for hyperparameter in known}
    violations: list[FieldViolation] = []
    for name, values in grid.items():
        if name in by_name:
            violations += _choice_violations(by_name[name], values)
        else:
            known_names = ", ".join(by_name)
            violations.append(FieldViolation(f'grid["{name}"]', f"unknown hyper-parameter; known are {known_names}"))
    if violations:
        raise InvalidInput(violations)


def combinations_of(grid: Grid, known: Sequence[Hyperparameter]) -> list[dict[str, HyperparameterValue]]:
    """Return every combination of a checked grid, completed with defaults; whole numbers become real where wanted."""
    choices = {h.name: [_converted(h, value) for value in grid.get(h.name, (h.default,))] for h in known}
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


def _choice_violations(hyperparameter: Hyperparameter, values: Sequence[HyperparameterValue]) -> list[FieldViolation]:
    path = f'grid["{hyperparameter.name}"].values'
    if not values:
        return [FieldViolation(path, "name at least one value, or leave the hyper-parameter out for its default")]
    wrong = [
        FieldViolation(f"{path}[{place}]", problem)
        for place, value in enumerate(values)
        for problem in _problems(hyperparameter, value)
    ]
    if wrong:
        return wrong
    converted = [_converted(hyperparameter, value) for value in values]
    repeats = [place for place, value in enumerate(converted) if value in converted[:place]]
    return [FieldViolation(f"{path}[{place}]", "repeats an earlier value; name each once") for place in repeats]


def _problems(hyperparameter: Hyperparameter, value: HyperparameterValue) -> Iterator[str]:
    if hyperparameter.type == "text":
        if value not in hyperparameter.choices:
            yield f"must be one of {', '.join(hyperparameter.choices)}"
    elif isinstance(value, str):
        yield f"must be a number of type {hyperparameter.type}, not a text"
    elif hyperparameter.type == "integer" and not isinstance(value, int):
        yield "must be a whole number; send it as an integer"
    elif not math.isfinite(value):
        yield "must be finite"
    elif hyperparameter.minimum is not None and value < hyperparameter.minimum:
        yield f"must be at least {hyperparameter.minimum:g}"
    elif hyperparameter.maximum is not None and value > hyperparameter.maximum:
        yield f"must be at most {hyperparameter.maximum:g}"


def _converted(hyperparameter: Hyperparameter, value: HyperparameterValue) -> HyperparameterValue:
    return float(value) if hyperparameter.type == "real" else value
