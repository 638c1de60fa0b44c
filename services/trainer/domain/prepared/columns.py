"""One column of a prepared table, and what of its cells cannot be a feature."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from services.trainer.domain.prepared.cells import as_numbers, typed
from services.trainer.domain.prepared.refusals import Problem, column_field
from services.trainer.domain.prepared.wording import text_of
from services.trainer.domain.sources import Bounds, PreparedTable, keyed

MOST_LEVELS: Final = 200
MOST_LEVELS_AMONG_NUMBERS: Final = 30
LONGEST_LEVEL: Final = 200
_DATE: Final = r"^\s*(\d{4}-\d{1,2}-\d{1,2}([T ].*)?|\d{1,2}[./]\d{1,2}[./](\d{4}|\d{2}))\s*$"


@dataclass(frozen=True)
class Column:
    """One column of the table and what the source says of it; `values` are typed, missing ones null.

    `inferred` tells that the type was read off text.
    """

    name: str
    values: pl.Series
    reason_text: str
    bounds: Bounds | None
    inferred: bool


def column_of(cells: pl.Series, source: PreparedTable, *, inferred: bool) -> Column:
    """Return a column of the table as the source describes it."""
    name = cells.name
    words = source.reason_texts.get(name, "").strip()
    return Column(name, typed(cells, inferred=inferred), text_of(name, words), source.bounds.get(name), inferred)


def column_problems(column: Column) -> Iterator[Problem]:
    """Yield COLUMN_TYPE, TOO_MANY_LEVELS, LEVEL_TOO_LONG, VALUE_INFINITE or VALUE_OUT_OF_BOUNDS as far as they hold."""
    if column.values.dtype == pl.String:
        yield from _text_problems(column)
    elif column.values.dtype == pl.Boolean:
        yield from _unbounded(column, "booleans")
    else:
        yield from _number_problems(column)


def _text_problems(column: Column) -> Iterator[Problem]:
    known, path = column.values.drop_nulls(), column_field(column.name)
    levels, words = known.n_unique(), as_numbers(known).null_count()
    yield from _unbounded(column, "text")
    if known.str.contains(_DATE).all():
        remedy = "holds dates; give numbers instead, such as the days before the application"
        yield Problem("COLUMN_TYPE", path, remedy)
    elif column.inferred and levels > MOST_LEVELS_AMONG_NUMBERS and 2 * words < len(known):
        remedy = f"holds numbers but for {words} value(s), {_first_word(column)}; correct them or leave them empty"
        yield Problem("COLUMN_TYPE", path, remedy)
    elif levels > MOST_LEVELS:
        remedy = f"holds {levels} different texts, and at most {MOST_LEVELS} are encoded; group them, or leave it out"
        yield Problem("TOO_MANY_LEVELS", path, remedy)
    if (known.str.len_chars() > LONGEST_LEVEL).any():
        remedy = f"holds texts of more than {LONGEST_LEVEL} characters, which are no categories; leave it out"
        yield Problem("LEVEL_TOO_LONG", path, remedy)


def _first_word(column: Column) -> str:
    words = column.values.is_not_null() & as_numbers(column.values).is_null()
    return f"the first in data row {words.arg_true()[0] + 1}"


def _number_problems(column: Column) -> Iterator[Problem]:
    infinite = int(column.values.is_infinite().sum())
    if infinite:
        remedy = f"{infinite} value(s) are infinite; correct them or leave them empty"
        yield Problem("VALUE_INFINITE", column_field(column.name), remedy)
    outside = 0 if column.bounds is None else _outside(column.values, column.bounds)
    if outside:
        remedy = f"{outside} value(s) lie outside; correct them, leave them empty, or widen the bounds"
        yield Problem("VALUE_OUT_OF_BOUNDS", keyed("prepared.bounds", column.name), remedy)


def _outside(values: pl.Series, bounds: Bounds) -> int:
    below = 0 if bounds.minimum is None else int((values < bounds.minimum).sum())
    above = 0 if bounds.maximum is None else int((values > bounds.maximum).sum())
    return below + above


def _unbounded(column: Column, what: str) -> Iterator[Problem]:
    if column.bounds is not None:
        remedy = f"is a column of {what}; only numbers have bounds"
        yield Problem("COLUMN_TYPE", keyed("prepared.bounds", column.name), remedy)
