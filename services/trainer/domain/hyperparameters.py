"""What a hyper-parameter may be, and every way a grid of them can be wrong, found before any work starts."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal

import numpy as np

from shared.errors import FieldViolation, InvalidInput

HyperparameterValue = int | float | str
Hyperparameters = Mapping[str, HyperparameterValue]

LARGEST_GRID = 1000


class Scale(StrEnum):
    """How the numbers of a range are spread: evenly, or evenly in the logarithm."""

    LINEAR = "LINEAR"
    LOGARITHMIC = "LOGARITHMIC"


@dataclass(frozen=True)
class Range:
    """Every value from `minimum` to `maximum`, both included; `steps` says how many of them a full grid takes."""

    minimum: float
    maximum: float
    scale: Scale = Scale.LINEAR
    steps: int = 0


Choice = Sequence[HyperparameterValue] | Range
Grid = Mapping[str, Choice]


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


def grid_to_json(grid: Grid) -> dict[str, Any]:
    """Return plain dicts and lists that `grid_from_json` turns back into an equal grid."""
    return {name: asdict(choice) if isinstance(choice, Range) else list(choice) for name, choice in grid.items()}


def grid_from_json(document: Mapping[str, Any]) -> Grid:
    """Return the grid that `grid_to_json` wrote."""
    return {
        name: Range(**{**choice, "scale": Scale(choice["scale"])}) if isinstance(choice, dict) else tuple(choice)
        for name, choice in document.items()
    }


def check_grid(grid: Grid, known: Sequence[Hyperparameter], *, exhaustive: bool = True) -> None:
    """Raise InvalidInput that names each unknown hyper-parameter, each unfit value or range and each repeated value.

    Also raised, before any value is looked at, for more than LARGEST_GRID combinations, or values where not every
    combination will be tried; ranges need steps if all are (`exhaustive`), and must have none if not.
    """
    _check_size(grid, exhaustive=exhaustive)
    by_name = {hyperparameter.name: hyperparameter for hyperparameter in known}
    violations: list[FieldViolation] = []
    for name, choice in grid.items():
        if name not in by_name:
            known_names = ", ".join(by_name)
            violations.append(FieldViolation(f'grid["{name}"]', f"unknown hyper-parameter; known are {known_names}"))
        elif isinstance(choice, Range):
            violations += _range_violations(by_name[name], choice, exhaustive=exhaustive)
        else:
            violations += _choice_violations(by_name[name], choice)
    if violations:
        raise InvalidInput(violations)


def combinations_of(grid: Grid, known: Sequence[Hyperparameter]) -> list[dict[str, HyperparameterValue]]:
    """Return every combination of a checked grid, completed with defaults; whole numbers become real where wanted."""
    choices = {h.name: values_of(h, grid.get(h.name, (h.default,))) for h in known}
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


def values_of(hyperparameter: Hyperparameter, choice: Choice) -> list[HyperparameterValue]:
    """Return the values that a full grid tries: those named, or the steps of the range, each once."""
    if not isinstance(choice, Range):
        return [_converted(hyperparameter, value) for value in choice]
    spaced = np.geomspace if choice.scale is Scale.LOGARITHMIC else np.linspace
    numbers = [float(number) for number in spaced(choice.minimum, choice.maximum, choice.steps)]
    if hyperparameter.type == "integer":
        return list(dict.fromkeys(round(number) for number in numbers))
    return list(numbers)


def _check_size(grid: Grid, *, exhaustive: bool) -> None:
    # An empty choice counts as one: it must not hide how long another is.
    sizes = [max(1, choice.steps if isinstance(choice, Range) else len(choice)) for choice in grid.values()]
    if exhaustive and math.prod(sizes) > LARGEST_GRID:
        raise InvalidInput.of("grid", f"makes {math.prod(sizes)} combinations; at most {LARGEST_GRID} are tried")
    if sum(sizes) > LARGEST_GRID + len(sizes):
        raise InvalidInput.of("grid", f"names {sum(sizes)} values; at most {LARGEST_GRID} are taken")


def _range_violations(hyperparameter: Hyperparameter, choice: Range, *, exhaustive: bool) -> list[FieldViolation]:
    path = f'grid["{hyperparameter.name}"].range'
    if hyperparameter.type == "text":
        return [FieldViolation(path, f"is no number; name values out of {', '.join(hyperparameter.choices)}")]
    wrong = [
        FieldViolation(f"{path}.{name}", problem)
        for name, bound in (("minimum", choice.minimum), ("maximum", choice.maximum))
        for problem in _problems(hyperparameter, _whole_if_equal(hyperparameter, bound))
    ]
    if not wrong and choice.minimum >= choice.maximum:
        wrong.append(FieldViolation(f"{path}.minimum", "must be below the maximum; to fix a value, name it alone"))
    if choice.scale is Scale.LOGARITHMIC and choice.minimum <= 0.0:
        wrong.append(FieldViolation(f"{path}.minimum", "must be above 0 on a logarithmic scale"))
    return wrong + [FieldViolation(f"{path}.steps", problem) for problem in _steps_problems(choice, exhaustive)]


def _steps_problems(choice: Range, exhaustive: bool) -> Iterator[str]:
    if exhaustive and not 2 <= choice.steps <= LARGEST_GRID:  # noqa: PLR2004 - both bounds
        yield f"must be 2 to {LARGEST_GRID} with method GRID, or search by RANDOM or TPE"
    if not exhaustive and choice.steps:
        yield "must be 0: RANDOM and TPE draw from the whole range"


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


def _whole_if_equal(hyperparameter: Hyperparameter, bound: float) -> HyperparameterValue:
    # The bounds of a range have one type on the wire, whatever the hyper-parameter's.
    return int(bound) if hyperparameter.type == "integer" and float(bound).is_integer() else bound


def _converted(hyperparameter: Hyperparameter, value: HyperparameterValue) -> HyperparameterValue:
    return float(value) if hyperparameter.type == "real" else value
