"""Hyper-parameters as people write them: `num_leaves=8,16` or `learning_rate=0.01..0.1:log`."""

import math
import re
from collections.abc import Iterable, Mapping

import click

from counterfoil.trainer.v1 import training_pb2

_RANGE = re.compile(r"(?P<minimum>[^:]+?)\.\.(?P<maximum>[^:]+?)(?P<log>:log)?(?::(?P<steps>[0-9]{1,9}))?")


def parse_grid(texts: Iterable[str]) -> dict[str, training_pb2.HyperparameterChoices]:
    """Return what to try by hyper-parameter; each text is `NAME=VALUE[,VALUE...]` or `NAME=MIN..MAX[:log][:STEPS]`.

    A value is a whole number if it reads as one, else a finite real number, else a word. Raises click.BadParameter
    for a text of another form and for a name that is given twice.
    """
    grid: dict[str, training_pb2.HyperparameterChoices] = {}
    for text in texts:
        name, equals, values = (part.strip() for part in text.partition("="))
        words = [word.strip() for word in values.split(",")]
        if not (name and equals and all(words)):
            raise click.BadParameter(
                f"{text!r} is no NAME=VALUE[,VALUE...], for example num_leaves=8,16, "
                "and no NAME=MIN..MAX[:log][:STEPS], for example learning_rate=0.01..0.1:log"
            )
        if name in grid:
            raise click.BadParameter(f"{name} is given twice; write all its values after one {name}=")
        grid[name] = _range(values) or training_pb2.HyperparameterChoices(values=[parse_value(word) for word in words])
    return grid


def _range(text: str) -> training_pb2.HyperparameterChoices | None:
    """Return the range that a text is, None where it is none."""
    found = _RANGE.fullmatch(text)
    if found is None:
        return None
    try:
        minimum, maximum = float(found["minimum"]), float(found["maximum"])
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no range of numbers, for example 0.01..0.1:log") from error
    scale = training_pb2.RANGE_SCALE_LOGARITHMIC if found["log"] else training_pb2.RANGE_SCALE_LINEAR
    return training_pb2.HyperparameterChoices(
        range=training_pb2.HyperparameterRange(
            minimum=minimum, maximum=maximum, scale=scale, steps=int(found["steps"] or 0)
        )
    )


def parse_value(word: str) -> training_pb2.HyperparameterValue:
    """Return a value of a hyper-parameter: a whole number, a finite real number or a word."""
    try:
        return training_pb2.HyperparameterValue(integer=int(word))
    except ValueError:
        pass
    try:
        real = float(word)
    except ValueError:
        real = math.nan
    if math.isfinite(real):
        return training_pb2.HyperparameterValue(real=real)
    return training_pb2.HyperparameterValue(text=word)


def value_text(value: training_pb2.HyperparameterValue) -> str:
    """Return a value as `parse_value` reads it."""
    kind = value.WhichOneof("value")
    return f"{getattr(value, kind)}" if kind else ""


def values_text(values: Mapping[str, training_pb2.HyperparameterValue]) -> str:
    """Return hyper-parameters by name in one line."""
    return ", ".join(f"{name}={value_text(values[name])}" for name in sorted(values))
