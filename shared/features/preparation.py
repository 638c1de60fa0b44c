"""Expressions that turn raw cells into numbers and level codes: the only place that knows what counts as missing.

Missing is null, never NaN: a null, a NaN, an infinity, a "never" sentinel and a division by zero all come out as null.
"""

from collections.abc import Iterable, Sequence
from math import nan

import numpy as np
import polars as pl

from shared.errors import FieldViolation, InvalidInput
from shared.features.loops import Floats, Numbers
from shared.tables.schema import NEVER
from shared.tables.sources import column_path

MISSING_CODE = -1
UNSEEN_CODE = -2


def finite(expression: pl.Expr) -> pl.Expr:
    """Return the expression with null in place of NaN and infinity."""
    return pl.when(expression.is_finite()).then(expression)


def to_numbers(values: pl.Series) -> Numbers:
    """Return numbers as the loops take them, NaN in place of null; nothing is copied where none is null."""
    if values.null_count() == 0:
        return values.to_numpy()
    # A fifth of what it costs to have NaN put there on the way.
    return values.cast(pl.Float64).fill_null(nan).to_numpy()


def to_floats(values: pl.Series) -> Floats:
    """Return numbers as they are kept: NaN in place of null, NaN and infinity."""
    floats = np.array(to_numbers(values.cast(pl.Float64)), dtype=np.float64)
    floats[np.isinf(floats)] = nan
    return floats


def number(column: str, *, never: Iterable[str] = ()) -> pl.Expr:
    """Return the column as Float64; null where it is missing, not finite, or 365243 in a column of `never`."""
    value = pl.col(column).cast(pl.Float64)
    known = value.is_finite() & (value != NEVER) if column in never else value.is_finite()
    return pl.when(known).then(value).alias(column)


def stored_number(column: str, kind: pl.DataType) -> pl.Expr:
    """Return the column as Int64 or Float64; what else is missing than null is left to the loops."""
    return pl.col(column) if kind == pl.Int64 else pl.col(column).cast(pl.Float64)


def code(column: str, levels: Sequence[str], kind: pl.DataType) -> pl.Expr:
    """Return the level's place in `levels`, `MISSING_CODE` for null and `UNSEEN_CODE` for any other text.

    An Int16 column is codes already.
    """
    if kind == pl.Int16:
        return pl.col(column)
    if isinstance(kind, pl.Enum):
        return _code_of_enum(column, levels, kind.categories)
    places = pl.Series(range(len(levels)), dtype=pl.Int16)
    text = pl.col(column).cast(pl.String)
    known = text.replace_strict(
        pl.Series(levels, dtype=pl.String), places, default=pl.lit(UNSEEN_CODE, pl.Int16), return_dtype=pl.Int16
    )
    return pl.when(text.is_null()).then(pl.lit(MISSING_CODE, pl.Int16)).otherwise(known).alias(column)


def _code_of_enum(column: str, levels: Sequence[str], categories: pl.Series) -> pl.Expr:
    stored = pl.col(column).to_physical()
    if categories.to_list() == list(levels):
        return stored.cast(pl.Int16).fill_null(MISSING_CODE)
    places = {level: place for place, level in enumerate(levels)}
    codes = pl.Series([places.get(category, UNSEEN_CODE) for category in categories], dtype=pl.Int16)
    return pl.lit(codes).gather(stored).fill_null(MISSING_CODE).alias(column)


def require_columns(table: str, frame: pl.LazyFrame, columns: Iterable[str]) -> None:
    """Raise InvalidInput with one violation per column that the table lacks."""
    present = set(frame.collect_schema().names())
    lacking = [column for column in dict.fromkeys(columns) if column not in present]
    if lacking:
        raise InvalidInput(
            [FieldViolation(column_path(table, column), "the table has no such column; add it") for column in lacking],
            reason="COLUMN_MISSING",
        )
