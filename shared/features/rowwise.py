"""Derived columns of one row at a time, to the bit what `derivation` computes of many; None is missing."""

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Final

from shared.features.specification import Derived, Operation

Cell = float | None


def add_derived(row: dict[str, Cell], columns: Iterable[Derived]) -> None:
    """Set the derived columns of a row, in the order in which they are stated."""
    for column in columns:
        inputs = [row[name] for name in column.inputs]
        if column.operation == "mean":
            row[column.name] = _mean(inputs, column.weights or (1.0,) * len(inputs))
        else:
            row[column.name] = _OPERATIONS[column.operation](inputs)


def finite(value: Cell) -> Cell:
    """Return the value, None in place of NaN and infinity."""
    return value if value is not None and math.isfinite(value) else None


def total(values: Iterable[float]) -> float:
    """Return the sum, added up in the order of the values; from Python 3.12 on `sum` rounds otherwise."""
    return reduce(operator.add, values, 0.0)


def _ratio(inputs: Sequence[Cell]) -> Cell:
    left, right = inputs
    if left is None or right is None or right == 0.0:
        return None
    return finite(left / right)


def _difference(inputs: Sequence[Cell]) -> Cell:
    left, right = inputs
    return None if left is None or right is None else left - right


def _excess(inputs: Sequence[Cell]) -> Cell:
    beyond = _difference(inputs)
    if beyond is None:
        return 0.0
    return 0.0 if beyond < 0.0 else beyond


def _positive(inputs: Sequence[Cell]) -> Cell:
    (value,) = inputs
    return None if value is None else float(value > 0.0)


def _product(inputs: Sequence[Cell]) -> Cell:
    there = _known(inputs)
    return reduce(operator.mul, there) if len(there) == len(inputs) else None


def _missing(inputs: Sequence[Cell]) -> Cell:
    return float(sum(value is None for value in inputs))


def _sum(inputs: Sequence[Cell]) -> Cell:
    there = _known(inputs)
    return total(there) if there else None


def _mean(inputs: Sequence[Cell], weights: Sequence[float]) -> Cell:
    pairs = [(value, weight) for value, weight in zip(inputs, weights, strict=True) if value is not None]
    if not pairs:
        return None
    return total(value * weight for value, weight in pairs) / total(weight for _, weight in pairs)


def _std(inputs: Sequence[Cell]) -> Cell:
    there = _known(inputs)
    mean = _mean(inputs, (1.0,) * len(inputs))
    if mean is None or len(there) < 2:  # noqa: PLR2004  # one value has no spread
        return None
    return math.sqrt(total((value - mean) * (value - mean) for value in there) / (len(there) - 1.0))


def _least(inputs: Sequence[Cell]) -> Cell:
    return min(_known(inputs), default=None)


def _greatest(inputs: Sequence[Cell]) -> Cell:
    return max(_known(inputs), default=None)


def _known(inputs: Sequence[Cell]) -> list[float]:
    return [value for value in inputs if value is not None]


_OPERATIONS: Final[Mapping[Operation, Callable[[Sequence[Cell]], Cell]]] = {
    "ratio": _ratio,
    "difference": _difference,
    "excess": _excess,
    "positive": _positive,
    "product": _product,
    "missing": _missing,
    "sum": _sum,
    "std": _std,
    "min": _least,
    "max": _greatest,
}
