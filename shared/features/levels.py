"""The levels of every text column, fixed once from the rows of a data set and stored with it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

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
    found = {APPLICATION: _application_levels(tables, specification.application)}
    for history in specification.histories:
        found |= _history_levels(tables, history)
    return Levels(found)


def _application_levels(
    tables: Mapping[str, pl.LazyFrame], specification: ApplicationSpecification
) -> dict[str, tuple[str, ...]]:
    column, level = specification.dropped
    frames = {name: tables[name] for name in APPLICATION_TABLES if name in tables}
    for name, frame in frames.items():
        require_columns(name, frame, (column, *specification.categories))
    kept = [frame.filter(pl.col(column).cast(pl.String).ne_missing(level)) for frame in frames.values()]
    parts = [_distinct(frame, specification.categories) for frame in kept]
    return {c: tuple(sorted(set().union(*(part[c] for part in parts)))) for c in specification.categories}


def _history_levels(
    tables: Mapping[str, pl.LazyFrame], history: HistorySpecification
) -> dict[str, dict[str, tuple[str, ...]]]:
    if history.table not in tables:
        return {}
    require_columns(history.table, tables[history.table], history.categories)
    distinct = _distinct(tables[history.table], history.categories)
    found = {history.table: {column: tuple(sorted(levels)) for column, levels in distinct.items()}}
    return found | _history_levels(tables, history.rollup.history) if history.rollup else found


def _distinct(frame: pl.LazyFrame, columns: Sequence[str]) -> dict[str, set[str]]:
    if not columns:
        return {}
    lists = frame.select(pl.col(c).unique().drop_nulls().cast(pl.String).implode() for c in columns).collect()
    return {column: set(lists[column][0].to_list()) for column in columns}
