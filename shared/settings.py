"""Settings out of the environment: a frozen dataclass per service, read once at start."""

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from shared.errors import FieldViolation, InvalidInput

PREFIX = "COUNTERFOIL_"

T = TypeVar("T")

_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def _boolean(text: str) -> bool:
    """Return the truth value that the text spells."""
    if text.lower() not in _BOOLEANS:
        raise ValueError("neither true nor false")
    return _BOOLEANS[text.lower()]


def _finite(text: str) -> float:
    """Return the number; infinity and NaN are never a setting."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


_PARSERS: Mapping[object, tuple[Callable[[str], object], str]] = {
    str: (str, "any text"),
    int: (int, "a whole number such as 64"),
    float: (_finite, "a finite number such as 0.5"),
    bool: (_boolean, "true or false"),
    Path: (Path, "a path"),
}


def variable_of(field: str) -> str:
    """Return the environment variable of a setting: `trainer_address` is COUNTERFOIL_TRAINER_ADDRESS."""
    return PREFIX + field.upper()


def _without_none(hint: object) -> tuple[object, bool]:
    """Split `X | None` into X and True; any other type stays as it is, with False."""
    if typing.get_origin(hint) not in {types.UnionType, typing.Union}:
        return hint, False
    inner = [part for part in typing.get_args(hint) if part is not type(None)]
    return (inner[0] if len(inner) == 1 else hint), True


def _parse(hint: object, text: str) -> object:
    """Return the text as a value of the type; ValueError says what would be accepted."""
    inner, optional = _without_none(hint)
    if optional and not text:
        return None
    parser, accepted = _PARSERS[inner]
    if not text and inner is not str:
        raise ValueError(f"is empty; give {accepted}, or unset it for the default")
    try:
        return parser(text)
    except ValueError as error:
        raise ValueError(f"is {text!r}; give {accepted}") from error


def environment_of(settings: object) -> dict[str, str]:
    """Return the COUNTERFOIL_ variables out of which another process reads these very settings."""
    fields = dataclasses.fields(settings)  # type: ignore[arg-type]  # a dataclass; typing has no bound for that
    values = {variable_of(field.name): getattr(settings, field.name) for field in fields}
    return {variable: "" if value is None else str(value) for variable, value in values.items()}


def read_settings(cls: type[T], environ: Mapping[str, str]) -> T:
    """Return the dataclass with each field taken from its COUNTERFOIL_ variable, else its default.

    Types are str, int, float, bool, Path and `X | None` of them (empty means None). Variables of other services are
    ignored. Raises InvalidInput that names every variable which is wrong, or missing where there is no default.
    """
    hints = typing.get_type_hints(cls)
    values: dict[str, object] = {}
    violations = []
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # T is a dataclass; typing has no bound for that
        variable = variable_of(field.name)
        text = environ.get(variable)
        if text is None:
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                violations.append(FieldViolation(variable, "is not set and has no default"))
            continue
        try:
            values[field.name] = _parse(hints[field.name], text.strip())
        except ValueError as error:
            violations.append(FieldViolation(variable, str(error)))
    if violations:
        raise InvalidInput(violations, reason="INVALID_SETTING")
    return cls(**values)
