"""From the columns of a prepared table to features: numbers as they are, text one-hot encoded."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from services.trainer.domain.prepared.columns import Column, column_of, column_problems
from services.trainer.domain.prepared.refusals import Problem, column_field, refuse
from services.trainer.domain.prepared.wording import code_of, identity
from services.trainer.domain.sources import Bounds, PreparedTable
from shared.bundle.schema import RESERVED_NAMES, Feature

TABLE: Final = "prepared"
"""The name of every prepared table among the sources of its features, so that it is the same from file to file."""

_CODES: Final = {"false": 0.0, "true": 1.0}


@dataclass(frozen=True)
class Encoded:
    """The features of one column with their values as Float64, null where missing, and the levels of a text column."""

    features: tuple[Feature, ...]
    values: tuple[pl.Series, ...]
    levels: tuple[str, ...] | None = None


@dataclass(frozen=True)
class EncodedTable:
    """The features of all columns in their order, and the levels by text column."""

    features: tuple[Feature, ...]
    frame: pl.DataFrame
    levels: Mapping[str, tuple[str, ...]] = field(hash=False)


def encode_table(
    table: pl.DataFrame, source: PreparedTable, *, inferred: bool, rows: NDArray[np.intp] | None = None
) -> EncodedTable:
    """Return the features of every column that is neither identifier nor target.

    With `rows`, values are those of the rows of these numbers; levels and refusals are of all rows all the same.
    Raises InvalidInput with COLUMN_TYPE (dates, bounds of text), TOO_MANY_LEVELS, LEVEL_TOO_LONG, VALUE_INFINITE,
    VALUE_OUT_OF_BOUNDS, EQUAL_FEATURE_NAMES or RESERVED_NAME; the violations name every such column.
    """
    beside = (source.id_column, source.target_column)
    columns = [column_of(table[name], source, inferred=inferred) for name in table.columns if name not in beside]
    refuse(problem for column in columns for problem in column_problems(column))
    encoded = [_encode(column, rows) for column in columns]
    features = tuple(feature for each in encoded for feature in each.features)
    refuse(_name_problems(features))
    levels = {
        column.name: each.levels for column, each in zip(columns, encoded, strict=True) if each.levels is not None
    }
    return EncodedTable(features, pl.DataFrame([values for each in encoded for values in each.values]), levels)


def _encode(column: Column, rows: NDArray[np.intp] | None) -> Encoded:
    shown = column.values if rows is None else column.values[rows]
    if column.values.dtype != pl.String:
        return Encoded((_number(column),), (shown.cast(pl.Float64),))
    levels = tuple(column.values.drop_nulls().unique().sort().to_list())
    features = tuple(_one_hot(column, level) for level in levels)
    values = [shown.eq_missing(level).cast(pl.Float64).alias(f"{column.name}_{level}") for level in levels]
    return Encoded(features, tuple(values), levels)


def _number(column: Column) -> Feature:
    bounds = column.bounds or Bounds()
    boolean = column.values.dtype == pl.Boolean
    return Feature(
        name=column.name,
        kind="binary" if boolean else "numeric",
        table=TABLE,
        sources=(f"{TABLE}.{column.name}",),
        group=column.name if boolean else "",
        codes=_CODES if boolean else {},
        lower_bound=bounds.minimum,
        upper_bound=bounds.maximum,
        reason_code=code_of(column.name),
        reason_text=column.reason_text,
    )


def _one_hot(column: Column, level: str) -> Feature:
    name = f"{column.name}_{level}"
    return Feature(
        name=name,
        kind="one_hot",
        table=TABLE,
        sources=(f"{TABLE}.{column.name}",),
        group=column.name,
        level=level,
        reason_code=code_of(name),
        reason_text=f"{column.reason_text}: {level}",
        principal_code=code_of(column.name),
    )


def _name_problems(features: tuple[Feature, ...]) -> Iterator[Problem]:
    """Yield features that could be taken for another, for a text column, or for a column beside them."""
    seen = {identity(feature.group): feature.group for feature in features if feature.kind == "one_hot"}
    for feature in features:
        key, path = identity(feature.name), column_field(feature.group or feature.name)
        if feature.name.casefold() in RESERVED_NAMES:
            remedy = f"{feature.name!r} is a name that services keep for themselves; rename the column"
            yield Problem("RESERVED_NAME", path, remedy)
        if key in seen:
            remedy = f"makes the feature {feature.name!r}, and another is named {seen[key]!r}; rename column or level"
            yield Problem("EQUAL_FEATURE_NAMES", path, remedy)
        seen[key] = feature.name
