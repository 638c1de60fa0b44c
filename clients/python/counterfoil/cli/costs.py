"""Costs of wrong answers as people write them: `10` for everyone, or `0.6:AMT_CREDIT` for a share of a column."""

import math

import click

from counterfoil.trainer.v1 import training_pb2


def parse_costs(false_negative: str | None, false_positive: str | None) -> training_pb2.Costs:
    """Return the costs that two texts name, each `NUMBER` or `FACTOR:COLUMN`; None leaves the service's default.

    Raises click.BadParameter for a text of another form.
    """
    costs = training_pb2.Costs()
    if false_negative is not None:
        costs.false_negative, costs.false_negative_column = _parse(false_negative)
    if false_positive is not None:
        costs.false_positive, costs.false_positive_column = _parse(false_positive)
    return costs


def cost_text(factor: float, column: str) -> str:
    """Return a cost in words: the number, or the factor and the column it applies to."""
    return f"{factor:.4g} x {column}" if column else f"{factor:.4g}"


def _parse(text: str) -> tuple[float, str]:
    number, colon, column = (part.strip() for part in text.partition(":"))
    try:
        factor = float(number)
    except ValueError:
        factor = math.nan
    if not math.isfinite(factor) or bool(colon) != bool(column):
        raise click.BadParameter(f"{text!r} is no NUMBER or FACTOR:COLUMN, for example 10 or 0.6:AMT_CREDIT")
    return factor, column
