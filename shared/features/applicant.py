"""The features of one application and its history, to the bit what `building` makes of whole tables.

Bulk code costs tens of milliseconds however few the rows; this walks the same specification over plain rows. What a
feature means is stated there alone, and tests hold both against each other on real and random applicants.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.features.columns import FeatureColumn, Measure, application_columns, feature_columns, history_measures
from shared.features.levels import Levels
from shared.features.rowwise import Cell, add_derived, finite, total
from shared.features.specification import (
    APPLICATION,
    Aggregation,
    AmongLast,
    ApplicationSpecification,
    Condition,
    Derived,
    FeatureSpecification,
    HasLevel,
    HistorySpecification,
    Subset,
)
from shared.tables.schema import NEVER

Row = Mapping[str, float | str | None]
"""A raw row by column; a column that is not there is missing. Numbers are finite."""

History = Mapping[str, Sequence[Row]]
"""The rows of each history table that are the applicant's, in their order."""

_Prepared = dict[str, Cell]


@dataclass(frozen=True)
class _Group:
    """Measures over the same rows of one table."""

    subset: Subset | None
    measures: tuple[Measure, ...]


@dataclass(frozen=True)
class _Table:
    """A history table with what is measured in it: over all rows, and over each subset."""

    history: HistorySpecification
    groups: tuple[_Group, ...]
    inner: "_Table | None"


class ApplicantFeatures:
    """Computes the features of single applications; safe to use by many threads."""

    def __init__(self, levels: Levels, specification: FeatureSpecification, names: Collection[str]) -> None:
        """Prepare for the features of those names alone; raises ValueError for a name that is none."""
        columns = feature_columns(levels, specification)
        wanted = set(names)
        if strange := wanted - {column.name for column in columns}:
            raise ValueError(f"{min(strange)!r} is no feature of this specification")
        self.names = tuple(column.name for column in columns if column.name in wanted)
        self._levels = levels
        self._specification = specification
        self._combined = _needed_combined(specification.combined, wanted)
        needed = {*wanted, *(name for derived in self._combined for name in derived.inputs)}
        own = application_columns(levels, specification.application)
        self._own = tuple(column for column in own if column.name in needed)
        self.history_names = tuple(
            column.name for column in columns if column.name in needed and column.table != APPLICATION
        )
        tables = [_table(levels, history, needed) for history in specification.histories]
        self._tables = tuple(table for table in tables if table is not None)

    def compute(self, application: Row, history: History) -> list[float]:
        """Return the features in the order of `names`, NaN where one is missing, of an application and its history.

        A table that is not in `history` has no row of this applicant.
        """
        features = {table.history.table: _aggregated(table, self._levels, history) for table in self._tables}
        return self.complete(application, {name: value for part in features.values() for name, value in part.items()})

    def complete(self, application: Row, history_features: Mapping[str, float]) -> list[float]:
        """Return the features as `compute` does, those of the history given by name, NaN where one is missing."""
        features: dict[str, Cell] = {name: finite(value) for name, value in history_features.items()}
        features |= self._own_features(application)
        for derived in self._combined:
            add_derived(features, (derived,))
            features[derived.name] = finite(features[derived.name])
        return [_number(features[name]) for name in self.names]

    def _own_features(self, application: Row) -> dict[str, Cell]:
        specification = self._specification.application
        cells = _application_cells(application, specification)
        add_derived(cells, specification.derived)
        return {column.name: _own(column, cells, application) for column in self._own}


def _own(column: FeatureColumn, cells: Mapping[str, Cell], application: Row) -> Cell:
    if column.kind == "one_hot":
        return float(application.get(column.source) == column.level)
    return finite(cells[column.name])


def _application_cells(application: Row, specification: ApplicationSpecification) -> dict[str, Cell]:
    """Return the numbers of the row, binaries coded, None where one is missing."""
    codes = {binary.column: binary.codes for binary in specification.binaries}
    cells: dict[str, Cell] = {}
    for column in specification.numbers:
        value = application.get(column)
        if column in codes:
            cells[column] = codes[column].get(value) if isinstance(value, str) else None
        else:
            cells[column] = _raw_number(value, never=column in specification.never)
    return cells


def _raw_number(value: float | str | None, *, never: bool) -> Cell:
    if value is None or isinstance(value, str) or (never and value == NEVER):
        return None
    return finite(float(value))


def _number(cell: Cell) -> float:
    return math.nan if cell is None else cell


def _needed_combined(combined: Iterable[Derived], names: Collection[str]) -> tuple[Derived, ...]:
    """Return the combined features that are wanted, and those that they are made of, in their order."""
    wanted, kept = set(names), []
    for derived in reversed(tuple(combined)):
        if derived.name in wanted:
            wanted |= set(derived.inputs)
            kept.append(derived)
    return tuple(reversed(kept))


def _table(levels: Levels, history: HistorySpecification, needed: Collection[str]) -> _Table | None:
    """Return what is measured in a table; None if no needed feature is, or the table was not there at fit time."""
    measures = [measure for measure in history_measures(levels, history) if measure.column.name in needed]
    groups = tuple(
        _Group(subset, tuple(measure for measure in measures if measure.column.subset == subset))
        for subset in (None, *history.subsets)
    )
    if not measures:
        return None
    rollup = history.rollup
    inner_names = {measure.source for measure in measures}
    inner = _table(levels, rollup.history, inner_names) if rollup else None
    return _Table(history, tuple(group for group in groups if group.measures), inner)


def _aggregated(table: _Table, levels: Levels, history: History) -> dict[str, float]:
    """Return the features of one history table by name."""
    rows = history.get(table.history.table, ())
    prepared = [_prepared(table.history, row) for row in rows]
    if table.inner is not None:
        by_key = _by_key(table.inner, history)
        for row, cells in zip(rows, prepared, strict=True):
            key = row.get(table.inner.history.key)
            inner = _aggregated(table.inner, levels, {table.inner.history.table: by_key.get(key, ())})
            cells.update(inner)
    features: dict[str, float] = {}
    for group in table.groups:
        members = _members(group.subset, levels, table.history, rows, prepared)
        features |= _measured(group.measures, [(rows[place], prepared[place]) for place in members])
    return features


def _by_key(inner: _Table, history: History) -> dict[float | str | None, list[Row]]:
    found: dict[float | str | None, list[Row]] = {}
    for row in history.get(inner.history.table, ()):
        found.setdefault(row.get(inner.history.key), []).append(row)
    return found


def _prepared(history: HistorySpecification, row: Row) -> _Prepared:
    """Return the row's numbers and derived columns; text columns stay in the raw row."""
    cells: _Prepared = {
        column: _raw_number(value, never=column in history.never)
        for column, value in row.items()
        if not isinstance(value, str)
    }
    for derived in history.derived:
        for name in derived.inputs:
            cells.setdefault(name, None)
        add_derived(cells, (derived,))
    return cells


def _members(
    subset: Subset | None,
    levels: Levels,
    history: HistorySpecification,
    rows: Sequence[Row],
    prepared: Sequence[_Prepared],
) -> Sequence[int]:
    """Return the places of the rows that are in the subset."""
    places: Sequence[int] = range(len(rows))
    for condition in subset.conditions if subset else ():
        if isinstance(condition, AmongLast):
            # Among all rows of the applicant, whatever else the subset asks.
            dates = sorted(value for cells in prepared if (value := finite(cells.get(condition.column))) is not None)
            least = dates[-condition.count] if len(dates) >= condition.count else -math.inf
            places = [place for place in places if _at_least(prepared[place].get(condition.column), least)]
        else:
            places = [place for place in places if _met(condition, levels, history, rows[place], prepared[place])]
    return places


def _at_least(value: Cell, least: float) -> bool:
    known = finite(value)
    return known is not None and known >= least


def _met(condition: Condition, levels: Levels, history: HistorySpecification, row: Row, cells: _Prepared) -> bool:
    if isinstance(condition, HasLevel):
        known = condition.level in levels.of(history.table, condition.column)
        return known and row.get(condition.column) == condition.level
    if isinstance(condition, AmongLast):
        raise TypeError("which rows are the last of their key is not seen from one row")
    value = cells.get(condition.column)
    return value is not None and condition.lowest <= value <= condition.highest


def _measured(measures: Sequence[Measure], members: Sequence[tuple[Row, _Prepared]]) -> dict[str, float]:
    if not members:
        return {measure.column.name: math.nan for measure in measures}
    numbers: dict[str, _Numbers] = {}
    features: dict[str, float] = {}
    for measure in measures:
        name, source = measure.column.name, measure.source
        if measure.code is not None:
            features[name] = _level_figure(measure, [row.get(source) for row, _ in members])
        elif measure.function == "size":
            features[name] = float(len(members))
        else:
            if source not in numbers:
                numbers[source] = _Numbers(cells.get(source) for _, cells in members)
            features[name] = _FIGURES[measure.function](numbers[source])
    return features


def _level_figure(measure: Measure, texts: Sequence[float | str | None]) -> float:
    """Return the measure of the 0 and 1 that tell of every row whether it has the level, missing being one."""
    level = None if measure.code is not None and measure.code < 0 else measure.column.level
    rows, there = len(texts), texts.count(level)
    match measure.function:
        case "mean":
            return there / rows
        case "var":
            return (there - float(there) ** 2 / rows) / (rows - 1.0) if rows > 1 else math.nan
        case "sum":
            return float(there)
        case "min":
            return float(there == rows)
        case _:
            return float(there > 0)


class _Numbers:
    """The known numbers of a column, in the order of the rows."""

    def __init__(self, values: Iterable[Cell]) -> None:
        self.known = [value for value in map(finite, values) if value is not None]

    def mean(self) -> float:
        """Return the sum over the count."""
        return total(self.known) / len(self.known) if self.known else math.nan

    def sum(self) -> float:
        """Return the sum, zero if every value is missing."""
        return total(self.known)

    def least(self) -> float:
        """Return the least."""
        return min(self.known, default=math.nan)

    def greatest(self) -> float:
        """Return the greatest."""
        return max(self.known, default=math.nan)

    def variance(self) -> float:
        """Return the variance (ddof = 1) by the sums of the distances to the first value, as the loops take it."""
        if len(self.known) < 2:  # noqa: PLR2004  # one value has no variance
            return math.nan
        first, count = self.known[0], len(self.known)
        distances = [value - first for value in self.known]
        distance = total(distances)
        spread = total(each * each for each in distances) - distance * distance / count
        return max(spread, 0.0) / (count - 1)

    def distinct(self) -> float:
        """Return how many different numbers there are."""
        return float(len(set(self.known)))


_FIGURES: Final[Mapping[Aggregation, Callable[[_Numbers], float]]] = {
    "mean": _Numbers.mean,
    "sum": _Numbers.sum,
    "min": _Numbers.least,
    "max": _Numbers.greatest,
    "var": _Numbers.variance,
    "nunique": _Numbers.distinct,
}
