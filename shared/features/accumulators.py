"""What is kept of each group of a history table while its rows go by, and the features it gives in the end."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import nan
from typing import Literal, Protocol

import numpy as np

from shared.features.columns import Measure
from shared.features.keeping import Keeper, empty
from shared.features.loops import (
    Bits,
    Counts,
    Floats,
    Mask,
    Places,
    Values,
    add_extremes,
    add_spread,
    add_totals,
    clear_uncounted,
    count_codes,
    insert_distinct,
    set_quotients,
    set_variances,
)
from shared.features.preparation import MISSING_CODE
from shared.features.specification import Aggregation
from shared.features.workers import Workers
from shared.tables.schema import NEVER

Column = tuple[str, Floats]

_FEWEST_SLOTS = 1024
_Kind = Literal["numbers", "levels", "distinct", "rows"]
_KINDS: dict[Aggregation, _Kind] = {"size": "rows", "nunique": "distinct"}


def _level_mean(there: Counts, rows: Counts) -> Floats:
    shares: Floats = empty(len(there), np.float64)
    set_quotients(there, rows, shares)
    return shares


def _level_variance(there: Counts, rows: Counts) -> Floats:
    variances = (there - there.astype(np.float64) ** 2 / rows) / (rows - 1.0)
    return np.where(rows > 1, variances, nan)


def _level_sum(there: Counts, rows: Counts) -> Floats:
    return np.where(rows > 0, there, nan)


def _level_least(there: Counts, rows: Counts) -> Floats:
    return np.where(rows > 0, there == rows, nan)


def _level_greatest(there: Counts, rows: Counts) -> Floats:
    return np.where(rows > 0, there > 0, nan)


_LEVEL_FUNCTIONS: Mapping[Aggregation, Callable[[Counts, Counts], Floats]] = {
    "mean": _level_mean,
    "var": _level_variance,
    "sum": _level_sum,
    "min": _level_least,
    "max": _level_greatest,
}


class Accumulator(Protocol):
    """Takes the rows of one column, chunk by chunk, and gives the features of it; NaN is missing."""

    def add(self, groups: Places, values: Values) -> None:
        """Take rows: each one's group, negative for none, and its value."""

    def columns(self, rows: Counts) -> Iterator[Column]:
        """Yield features by name, one value per group; `rows` counts the rows of each group."""


@dataclass(frozen=True)
class NumberAccumulator:
    """Sums, extremes and spread of one column of numbers, as far as the measures need them.

    `kept` are the arrays that the loop takes, in its order; in the end those turn into the features themselves.
    """

    measures: Sequence[Measure]
    never: float
    loop: Callable[..., None]
    counts: Counts
    kept: tuple[Floats, ...]

    @classmethod
    def of(
        cls, measures: Sequence[Measure], n_groups: int, keeper: Keeper, *, never: float = nan
    ) -> "NumberAccumulator":
        """Return one that has seen nothing; a value equal to `never` is missing."""
        functions = {measure.function for measure in measures}
        loop, kept = (
            (add_spread, 6)
            if "var" in functions
            else (add_extremes, 3)
            if functions & {"min", "max"}
            else (add_totals, 1)
        )
        counts = keeper.zeros(n_groups, np.int32)
        return cls(measures, never, loop, counts, tuple(keeper.zeros(n_groups, np.float64) for _ in range(kept)))

    def add(self, groups: Places, values: Values) -> None:
        """Take numbers of any type."""
        self.loop(groups, values, self.never, self.counts, self.kept)

    def columns(self, rows: Counts) -> Iterator[Column]:
        """Yield the measures; what was kept is used up."""
        sums, *extremes = self.kept[:3]
        wanted = {measure.function for measure in self.measures}
        found: dict[Aggregation, Floats] = dict(zip(("min", "max"), extremes, strict=False))
        for values in found.values():
            clear_uncounted(self.counts, values)
        if "mean" in wanted:
            found["mean"] = np.empty_like(sums) if "sum" in wanted else sums
            with np.errstate(divide="ignore", invalid="ignore"):
                set_quotients(sums, self.counts, found["mean"])
        if "sum" in wanted:
            clear_uncounted(rows, sums)
            found["sum"] = sums
        if "var" in wanted:
            _, distances, found["var"] = self.kept[3:]
            set_variances(self.counts, distances, found["var"])
        yield from ((measure.column.name, found[measure.function]) for measure in self.measures)


@dataclass
class LevelAccumulator:
    """How many rows have each code of one column of texts, (n_codes + 1, n_groups), missing ones first.

    `seen` (n_codes + 1) tells which codes any row has had, whatever its group. There may come more codes than at first,
    whose levels become known in the end.
    """

    measures: Sequence[Measure]
    counts: Counts
    seen: Mask
    keeper: Keeper

    @classmethod
    def of(cls, measures: Sequence[Measure], n_groups: int, keeper: Keeper) -> "LevelAccumulator":
        """Return one that has seen nothing."""
        n_codes = max(measure.code or 0 for measure in measures) + 1
        counts = keeper.zeros((n_codes + 1, n_groups), np.int32)
        return cls(measures, counts, np.zeros(n_codes + 1, dtype=np.bool_), keeper)

    def add(self, groups: Places, values: Values) -> None:
        """Take Int16 codes."""
        self._make_room(int(values.max(initial=MISSING_CODE)))
        count_codes(groups, values, self.counts, self.seen)

    def named(self, measures: Sequence[Measure]) -> "LevelAccumulator":
        """Return what gives these measures of the rows taken so far."""
        self._make_room(max(measure.code or 0 for measure in measures))
        return replace(self, measures=measures)

    def by_level(self) -> Iterator["LevelAccumulator"]:
        """Yield what gives the measures of each level, for several threads to finish."""
        for code in dict.fromkeys(measure.code for measure in self.measures):
            yield replace(self, measures=[measure for measure in self.measures if measure.code == code])

    def columns(self, rows: Counts) -> Iterator[Column]:
        """Yield the measures: functions of the 0 and 1 that tell of every row whether it has the level."""
        with np.errstate(divide="ignore", invalid="ignore"):
            for measure in self.measures:
                there = self.counts[(measure.code or 0) + 1]
                yield measure.column.name, _LEVEL_FUNCTIONS[measure.function](there, rows)

    def _make_room(self, code: int) -> None:
        n_codes, n_groups = self.counts.shape
        if code + 1 >= n_codes:
            counts = self.keeper.zeros((code + 2, n_groups), np.int32)
            counts[:n_codes] = self.counts
            self.counts = counts
            self.seen = np.append(self.seen, np.zeros(code + 2 - n_codes, dtype=np.bool_))


@dataclass
class DistinctAccumulator:
    """How many different numbers each group has, in a hash table that grows with their number."""

    measures: Sequence[Measure]
    counts: Counts
    never: float = nan
    table: tuple[Places, Bits] = field(default_factory=lambda: _empty_table(_FEWEST_SLOTS))

    @classmethod
    def of(cls, measures: Sequence[Measure], n_groups: int, *, never: float = nan) -> "DistinctAccumulator":
        """Return one that has seen nothing; a value equal to `never` is missing."""
        return cls(measures, np.zeros(n_groups, dtype=np.int32), never)

    def add(self, groups: Places, values: Values) -> None:
        """Take Float64 or Int64 values."""
        numbers = values + 0.0  # so that minus zero is zero
        known = np.where(np.isfinite(numbers) & (numbers != self.never), groups, np.int32(-1))
        bits = numbers.view(np.int64)
        while len(bits):
            room = len(self.table[0]) // 2 - int(self.counts.sum())
            taken = insert_distinct(known, bits, room, self.table, self.counts)
            known, bits = known[taken:], bits[taken:]
            if len(bits):
                self._grow()

    def columns(self, rows: Counts) -> Iterator[Column]:
        """Yield the measures."""
        for measure in self.measures:
            yield measure.column.name, np.where(rows > 0, self.counts, nan)

    def _grow(self) -> None:
        """Move what is there into a table four times as long."""
        owners, members = self.table
        there = owners >= 0
        self.table = _empty_table(4 * len(owners))
        insert_distinct(owners[there], members[there], len(owners), self.table, np.zeros_like(self.counts))


def _empty_table(slots: int) -> tuple[Places, Bits]:
    return np.full(slots, -1, dtype=np.int32), np.zeros(slots, dtype=np.int64)


@dataclass(frozen=True)
class RowAccumulator:
    """The number of rows, which is counted anyway."""

    measures: Sequence[Measure]

    def add(self, groups: Places, values: Values) -> None:
        """Take nothing."""

    def columns(self, rows: Counts) -> Iterator[Column]:
        """Yield the measures."""
        for measure in self.measures:
            yield measure.column.name, np.where(rows > 0, rows, nan)


def accumulators_of(
    measures: Iterable[Measure], n_groups: int, keeper: Keeper, *, never: Collection[str], workers: Workers
) -> dict[str, list[Accumulator]]:
    """Return what takes the measures, by the column whose values it needs; in `never` 365243 is missing."""
    kinds = _by_source_and_kind(measures)
    makers = [
        partial(_accumulator, kind, members, n_groups, keeper, float(NEVER) if source in never else nan)
        for (source, kind), members in kinds.items()
    ]
    found: dict[str, list[Accumulator]] = {}
    for (source, _), made in zip(kinds, workers.made(makers, n_rows=n_groups), strict=True):
        found.setdefault(source, []).append(made)
    return found


def _by_source_and_kind(measures: Iterable[Measure]) -> dict[tuple[str, _Kind], list[Measure]]:
    kinds: dict[tuple[str, _Kind], list[Measure]] = {}
    for measure in measures:
        kind = _KINDS.get(measure.function, "numbers") if measure.code is None else "levels"
        kinds.setdefault((measure.source, kind), []).append(measure)
    return kinds


def _accumulator(kind: _Kind, measures: Sequence[Measure], n_groups: int, keeper: Keeper, never: float) -> Accumulator:
    if kind == "levels":
        return LevelAccumulator.of(measures, n_groups, keeper)
    if kind == "rows":
        return RowAccumulator(measures)
    if kind == "distinct":
        return DistinctAccumulator.of(measures, n_groups, never=never)
    return NumberAccumulator.of(measures, n_groups, keeper, never=never)
