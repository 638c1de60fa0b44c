"""Rows of a table or a split to look at: some of them, or as many as a figure may stand on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from shared.errors import InvalidInput
from shared.tables.sources import MISSING_TEXTS

_PLACE = "row of the file"


@dataclass(frozen=True)
class Rows:
    """Rows that are not read yet.

    `total` is how many `frame` gives, `truncated` whether the file may have more. `columns` are those that can be
    looked at. `inferred` says that texts stand for numbers as well, since the file stores nothing else, and
    `missing_texts` which of them stand for no value.
    """

    frame: pl.LazyFrame
    total: int
    columns: tuple[str, ...]
    truncated: bool = False
    inferred: bool = False
    missing_texts: tuple[str, ...] = MISSING_TEXTS


@dataclass(frozen=True)
class RowsUsed:
    """How many rows there are, how many a figure stands on, and whether there may be more than were counted."""

    total: int
    used: int
    truncated: bool


@dataclass(frozen=True)
class Looked:
    """Rows that were read: numbers as Float64, all other columns as text, missing values null."""

    frame: pl.DataFrame
    used: RowsUsed


def first_rows(rows: Rows, columns: Sequence[str], count: int) -> Looked:
    """Return the first rows, at most `count`, with these columns."""
    return _looked(rows, rows.frame.select(columns).head(count).collect())


def random_rows(rows: Rows, columns: Sequence[str], count: int, seed: int) -> Looked:
    """Return rows that the seed draws without replacement, at most `count`, in the order in which they are stored."""
    random = np.random.default_rng(seed)
    places = pl.Series(random.choice(rows.total, min(count, rows.total), replace=False), dtype=pl.UInt32).implode()
    numbered = rows.frame.select(columns).with_row_index(_PLACE)
    drawn = numbered.filter(pl.col(_PLACE).is_in(places)).collect(engine="streaming")
    return _looked(rows, drawn.sort(_PLACE).drop(_PLACE))


def spread_rows(rows: Rows, columns: Sequence[str], most: int, seed: int) -> Looked:
    """Return all rows or, where there are more than `most`, every n-th from a start that the seed draws."""
    start, step = spread(rows.total, most, seed)
    return _looked(rows, rows.frame.select(columns).gather_every(step, start).collect(engine="streaming"))


def spread(total: int, most: int, seed: int) -> tuple[int, int]:
    """Return the first of at most `most` of so many rows, and how far each is from the next: (0, 1) for all."""
    step = max(1, -(-total // most))
    return int(np.random.default_rng(seed).integers(step)), step


def chosen_columns(rows: Rows, wanted: Sequence[str], *, field: str) -> tuple[str, ...]:
    """Return the wanted columns, all where none is; raises InvalidInput for a name that is unknown or comes twice."""
    known = set(rows.columns)
    for place, name in enumerate(wanted):
        if name not in known:
            raise unknown_column(f"{field}[{place}]")
        if name in wanted[:place]:
            raise InvalidInput.of(f"{field}[{place}]", "names a column a second time", reason="COLUMN_REPEATED")
    return tuple(wanted) or rows.columns


def unknown_column(field: str) -> InvalidInput:
    """Return the error for a column that is not there or cannot be looked at."""
    remedy = "is no column that can be looked at here; ListTables and GetDataset (view FULL) name those there are"
    return InvalidInput.of(field, remedy, reason="COLUMN_UNKNOWN")


def _looked(rows: Rows, read: pl.DataFrame) -> Looked:
    frame = pl.DataFrame([_typed(column, rows) for column in read.get_columns()])
    return Looked(frame, RowsUsed(rows.total, read.height, rows.truncated))


def _typed(column: pl.Series, rows: Rows) -> pl.Series:
    if column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null):
        return column.cast(pl.Float64).fill_nan(None)
    text = column.cast(pl.String)
    text = text.set(text.is_in(rows.missing_texts), None)
    if not rows.inferred:
        return text
    numbers = text.cast(pl.Float64, strict=False)
    return text if numbers.null_count() > text.null_count() else numbers.fill_nan(None)
