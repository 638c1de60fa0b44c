"""Columns computed from others of the same row; every value depends on its own row alone, to the last bit."""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from typing import TypeVar

import polars as pl

from shared.features.preparation import finite
from shared.features.specification import Derived, Operation

_Frame = TypeVar("_Frame", pl.DataFrame, pl.LazyFrame)


def with_derived(frame: _Frame, columns: Sequence[Derived]) -> _Frame:
    """Return the frame with its derived columns, over columns that went through `number` or one another."""
    for layer in _layers(columns):
        frame = frame.with_columns(_derived(column).alias(column.name) for column in layer)
    return frame


def raw_inputs(made: Mapping[str, Derived], column: str) -> tuple[str, ...]:
    """Return the columns that a column is made of in the end, each once; one that is not derived is its own."""
    if column not in made:
        return (column,)
    inputs = [raw for name in made[column].inputs for raw in raw_inputs(made, name)]
    return tuple(dict.fromkeys(inputs))


def _layers(columns: Sequence[Derived]) -> Iterator[list[Derived]]:
    """Yield runs of columns that can be computed at once, since none of a run is made of another of it."""
    layer: list[Derived] = []
    for column in columns:
        if {made.name for made in layer} & set(column.inputs):
            yield layer
            layer = []
        layer.append(column)
    yield layer


def _derived(column: Derived) -> pl.Expr:
    inputs = [pl.col(name) for name in column.inputs]
    if column.operation in _PAIRS:
        left, right = inputs
        return _PAIRS[column.operation](left, right)
    if column.operation == "mean":
        return _mean(inputs, column.weights or [1.0] * len(inputs))
    return _OTHERS[column.operation](inputs)


def _ratio(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    return finite(left / right)


def _difference(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    return left - right


def _excess(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    return (left - right).clip(lower_bound=0.0).fill_null(0.0)


def _positive(inputs: Sequence[pl.Expr]) -> pl.Expr:
    (value,) = inputs
    return (value > 0.0).cast(pl.Float64)


def _product(inputs: Sequence[pl.Expr]) -> pl.Expr:
    return reduce(operator.mul, inputs)


def _missing(inputs: Sequence[pl.Expr]) -> pl.Expr:
    return _total([value.is_null().cast(pl.Float64) for value in inputs])


def _sum(inputs: Sequence[pl.Expr]) -> pl.Expr:
    any_there = pl.any_horizontal(value.is_not_null() for value in inputs)
    return pl.when(any_there).then(_total([value.fill_null(0.0) for value in inputs]))


def _mean(inputs: Sequence[pl.Expr], weights: Sequence[float]) -> pl.Expr:
    pairs = list(zip(inputs, weights, strict=True))
    there = _total([value.is_not_null().cast(pl.Float64) * weight for value, weight in pairs])
    total = _total([(value * weight).fill_null(0.0) for value, weight in pairs])
    return pl.when(there > 0.0).then(total / there)


def _std(inputs: Sequence[pl.Expr]) -> pl.Expr:
    mean = _mean(inputs, [1.0] * len(inputs))
    spread = _total([((value - mean) * (value - mean)).fill_null(0.0) for value in inputs])
    freedom = _total([value.is_not_null().cast(pl.Float64) for value in inputs]) - 1.0
    return pl.when(freedom > 0.0).then((spread / freedom).sqrt())


def _total(values: Sequence[pl.Expr]) -> pl.Expr:
    """Return the sum, added up in the order of the values: the same bits for one row and for many."""
    return reduce(operator.add, values)


_PAIRS: Mapping[Operation, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "ratio": _ratio,
    "difference": _difference,
    "excess": _excess,
}
_OTHERS: Mapping[Operation, Callable[[Sequence[pl.Expr]], pl.Expr]] = {
    "positive": _positive,
    "product": _product,
    "missing": _missing,
    "sum": _sum,
    "std": _std,
    "min": pl.min_horizontal,
    "max": pl.max_horizontal,
}
