"""What the cells of a prepared table's column are: numbers, booleans or text, and which of them are missing."""

from typing import Final, Literal

import polars as pl

from shared.tables.sources import MISSING_TEXTS

Kind = Literal["number", "boolean", "text"]

_BOOLEANS: Final = ("false", "true")


def kind_of(dtype: pl.DataType) -> Kind | None:
    """Return what a column of a stored type holds; None for dates, times, nested and binary values."""
    if dtype == pl.Boolean:
        return "boolean"
    if isinstance(dtype, (pl.String, pl.Categorical, pl.Enum)):
        return "text"
    return "number" if dtype.is_numeric() or dtype == pl.Null else None


def is_identifier(dtype: pl.DataType) -> bool:
    """Return whether a stored type can hold identifiers: text or whole numbers."""
    return kind_of(dtype) == "text" or dtype.is_integer()


def typed(column: pl.Series, *, inferred: bool) -> pl.Series:
    """Return the column as Float64, Boolean or String with null for every missing cell.

    Of text, as all columns of a CSV file are, `inferred` makes numbers if every cell reads as one, else booleans if
    every cell is true or false in any case. A column without any value is one of numbers. Infinity stays.
    """
    kind = kind_of(column.dtype)
    if kind == "number":
        return column.cast(pl.Float64).fill_nan(None)
    if kind == "boolean":
        return column
    text = _known_text(column)
    if not len(text.drop_nulls()):
        return text.cast(pl.Float64)
    return _inferred(text) if inferred else text


def as_numbers(text: pl.Series) -> pl.Series:
    """Return the text as Float64, null where it is missing or reads as no number."""
    return text.str.strip_chars().cast(pl.Float64, strict=False)


def _known_text(column: pl.Series) -> pl.Series:
    text = pl.col(column.name).cast(pl.String)
    missing = text.str.strip_chars().is_in(MISSING_TEXTS)
    return column.to_frame().select(pl.when(missing.not_()).then(text).alias(column.name)).to_series()


def _inferred(text: pl.Series) -> pl.Series:
    numbers = as_numbers(text)
    if numbers.null_count() == text.null_count():
        return numbers
    lowered = text.str.strip_chars().str.to_lowercase()
    return lowered == _BOOLEANS[1] if lowered.drop_nulls().is_in(_BOOLEANS).all() else text
