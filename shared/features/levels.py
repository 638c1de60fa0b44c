"""The levels of every text column, fixed once from the rows of a data set and stored with it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from shared.features.preparation import require_columns
from shared.features.reference import REFERENCE
from shared.features.specification import (
    APPLICATION,
    APPLICATION_TABLES,
    ApplicationSpecification,
    FeatureSpecification,
    HistorySpecification,
)

_ANY: Final = ("any",)


@dataclass(frozen=True)
class Levels:
    """The tables that were there at fit time, and the ordered levels of each of their text columns.

    Both application tables are one, `application`. A table without text columns is there with no column. Levels are
    sorted by code point, as pandas.get_dummies sorts them; missing is not a level.
    """

    tables: Mapping[str, Mapping[str, tuple[str, ...]]] = field(hash=False)

    def of(self, table: str, column: str) -> tuple[str, ...]:
        """Return the levels of one column; raises KeyError for a table or column that was not fitted."""
        return self.tables[table][column]

    def only(self, tables: Collection[str]) -> "Levels":
        """Return the levels of the application and of those named history tables that were there at fit time."""
        kept = {APPLICATION, *tables}
        return Levels({table: columns for table, columns in self.tables.items() if table in kept})

    def also(self, others: "Levels") -> "Levels":
        """Return these levels and those of other tables."""
        return Levels({**self.tables, **others.tables})

    def to_json(self) -> dict[str, dict[str, list[str]]]:
        """Return plain dicts and lists that `from_json` turns back into an equal object."""
        return {t: {c: list(levels) for c, levels in columns.items()} for t, columns in self.tables.items()}

    @classmethod
    def from_json(cls, document: Mapping[str, Mapping[str, Sequence[str]]]) -> "Levels":
        """Return the levels that `to_json` wrote."""
        return cls({t: {c: tuple(levels) for c, levels in columns.items()} for t, columns in document.items()})


def fit_levels(tables: Mapping[str, pl.LazyFrame], specification: FeatureSpecification = REFERENCE) -> Levels:
    """Return the levels of all rows supplied; dropped applications do not count.

    Raises InvalidInput for a table that lacks a text column.
    """
    applications, found = _application_levels(tables, specification.application), {}
    histories = [history for stated in specification.histories for history in _present(tables, stated)]
    for history in histories:
        require_columns(history.table, tables[history.table], history.categories)
    wanted = [(tables[history.table], history.categories) for history in histories]
    for history, levels in zip(histories, _distinct(wanted), strict=True):
        found[history.table] = {column: tuple(sorted(levels[column])) for column in history.categories}
    return Levels({APPLICATION: applications} | found)


def any_levels(tables: Collection[str], specification: FeatureSpecification = REFERENCE) -> Levels:
    """Return levels as if each text column of those tables had one, which tell what features could be made of."""
    histories = [history for stated in specification.histories for history in _present(tables, stated)]
    texts = {APPLICATION: specification.application.categories} | {each.table: each.categories for each in histories}
    return Levels({table: dict.fromkeys(columns, _ANY) for table, columns in texts.items()})


def _application_levels(
    tables: Mapping[str, pl.LazyFrame], specification: ApplicationSpecification
) -> dict[str, tuple[str, ...]]:
    column, level = specification.dropped
    frames = {name: tables[name] for name in APPLICATION_TABLES if name in tables}
    for name, frame in frames.items():
        require_columns(name, frame, (column, *specification.categories))
    kept = [frame.filter(pl.col(column).cast(pl.String).ne_missing(level)) for frame in frames.values()]
    parts = _distinct([(frame, specification.categories) for frame in kept])
    return {c: tuple(sorted(set().union(*(part[c] for part in parts)))) for c in specification.categories}


def _present(tables: Collection[str], history: HistorySpecification) -> list[HistorySpecification]:
    """Return the history and the one that is rolled up into it, as far as their tables are there."""
    if history.table not in tables:
        return []
    return [history, *(_present(tables, history.rollup.history) if history.rollup else ())]


def _distinct(wanted: Sequence[tuple[pl.LazyFrame, Sequence[str]]]) -> list[dict[str, set[str]]]:
    """Return the different texts of columns of several frames, which are read side by side."""
    asked = [frame.select(_occurring(c, frame.collect_schema()[c]) for c in columns) for frame, columns in wanted]
    found = pl.collect_all([frame.select(pl.lit(0).alias(""), pl.all()) for frame in asked], engine="streaming")
    return [
        {column: set(lists[column][0]) for column in columns} for lists, (_, columns) in zip(found, wanted, strict=True)
    ]


def _occurring(column: str, kind: pl.DataType) -> pl.Expr:
    """Return the different texts of a column as one list."""
    if not isinstance(kind, pl.Enum) or kind.categories.is_empty():
        return pl.col(column).unique().drop_nulls().cast(pl.String).implode()
    # To compare all rows with each category costs less than to collect those that differ.
    code, texts = pl.col(column).to_physical(), kind.categories
    there = [pl.when((code == place).any()).then(pl.lit(text)) for place, text in enumerate(texts)]
    return pl.concat_list(there).list.drop_nulls().alias(column)
