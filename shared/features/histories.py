"""One table of history aggregated per key: read once from front to back, each row scattered to what is kept of its key.

Nothing is sorted or joined; memory holds some chunks of rows and what is kept of each key.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf

import numpy as np
import polars as pl

from shared.features.accumulators import Accumulator, LevelAccumulator, accumulators_of
from shared.features.columns import Measure, history_measures
from shared.features.keeping import InMemory, Keeper
from shared.features.keys import KeyIndex
from shared.features.levels import Levels
from shared.features.loops import Counts, Floats, Places, among_latest, count_rows, keep_latest
from shared.features.preparation import MISSING_CODE, UNSEEN_CODE, require_columns, to_numbers
from shared.features.rows import chunks, orders, prepared_rows, subset_column
from shared.features.specification import AmongLast, HasLevel, HistorySpecification, Subset
from shared.features.tables import FeatureTables
from shared.features.workers import Workers
from shared.tables.text_codes import TextCodes

_Latest = Mapping[AmongLast, Floats]


@dataclass(frozen=True)
class AggregatedHistory:
    """What became known of a history table, and of what is rolled up into it, while its features were made.

    `levels` are those of its text columns, as far as they were not known before. `unseen` maps `table.COLUMN` to the
    number of cells whose level was not known, where there are any; a row of a key that nobody asked for counts too.
    """

    levels: Levels
    unseen: Mapping[str, int]


@dataclass(frozen=True)
class _Inner:
    """The features of the table one step further away, by its keys in the parent's rows.

    The columns have one more value, missing, which the place -1 of a key without rows finds.
    """

    key: str
    index: KeyIndex
    columns: Mapping[str, Floats]
    history: AggregatedHistory


@dataclass(frozen=True)
class _Part:
    """What is kept over one subset of the rows, or over all of them (None): rows per key, accumulators per source."""

    subset: Subset | None
    rows: Counts
    accumulators: Mapping[str, Sequence[Accumulator]]


def aggregate_history(
    tables: FeatureTables,
    levels: Levels,
    history: HistorySpecification,
    *,
    index: KeyIndex,
    workers: Workers,
    keeper: Keeper,
) -> AggregatedHistory:
    """Have the features of one history table kept.

    A feature has one value per key of the index and one more, which is missing, as is that of a key without rows.
    `levels` may lack tables of which there are codes. Raises InvalidInput for a missing column.
    """
    inner = _inner(tables, levels, history, workers)
    levels = levels.also(inner.history.levels) if inner else levels
    codes = tables.codes.get(history.table)
    known = levels if codes is None else levels.also(_provisional(history, codes))
    rows = prepared_rows(tables.frames[history.table], known, history)
    latest = _latest(rows, history, index)
    parts = [
        _part(known, history, subset, n_groups=len(index) + 1, workers=workers, keeper=keeper)
        for subset in (None, *history.subsets)
    ]
    unseen = dict.fromkeys(history.categories, 0)
    with workers.rounds() as rounds:
        for chunk in chunks(rows):
            for column in history.categories:
                unseen[column] += int((chunk[column] == UNSEEN_CODE).sum())
            places = index.places(chunk[history.key])
            groups = [_groups(chunk, part.subset, places, latest) for part in parts]
            rounds.run(_tasks(chunk, parts, groups, inner), n_rows=chunk.height)
    if codes is not None:
        _meet(codes, parts)
        levels = levels.also(Levels({history.table: {c: codes[c].levels for c in history.categories}}))
        parts = [_named(part, levels, history, codes) for part in parts]
    _finish(parts, workers, keeper)
    found = {f"{history.table}.{column}": count for column, count in unseen.items() if count}
    return AggregatedHistory(levels, found | (dict(inner.history.unseen) if inner else {}))


def _provisional(history: HistorySpecification, codes: Mapping[str, TextCodes]) -> Levels:
    """Return the levels that have a code already, at least those that decide which rows are in a subset."""
    for subset in history.subsets:
        for condition in subset.conditions:
            if isinstance(condition, HasLevel):
                codes[condition.column].code(condition.level)
    return Levels({history.table: {column: codes[column].texts for column in history.categories}})


def _meet(codes: Mapping[str, TextCodes], parts: Sequence[_Part]) -> None:
    """Have each column's codes know which of them there were."""
    for part in parts:
        for source, accumulators in part.accumulators.items():
            for accumulator in accumulators:
                if isinstance(accumulator, LevelAccumulator):
                    codes[source].meet(np.flatnonzero(accumulator.seen[1:]).tolist())


def _named(part: _Part, levels: Levels, history: HistorySpecification, codes: Mapping[str, TextCodes]) -> _Part:
    """Return the part with the measures of the levels that turned out to be there."""
    measures: dict[str, list[Measure]] = {}
    for measure in history_measures(levels, history):
        if measure.code is not None and measure.column.subset == part.subset:
            level = MISSING_CODE if measure.code == MISSING_CODE else _code_of(measure, codes)
            measures.setdefault(measure.source, []).append(replace(measure, code=level))
    named = {
        source: [a.named(measures[source]) if isinstance(a, LevelAccumulator) else a for a in accumulators]
        for source, accumulators in part.accumulators.items()
    }
    return replace(part, accumulators=named)


def _code_of(measure: Measure, codes: Mapping[str, TextCodes]) -> int:
    return codes[measure.source].code(str(measure.column.level))


def _inner(tables: FeatureTables, levels: Levels, history: HistorySpecification, workers: Workers) -> _Inner | None:
    if history.rollup is None or not tables.known(history.rollup.history.table, levels):
        return None
    key = history.rollup.history.key
    require_columns(history.table, tables.frames[history.table], [key])
    keys = tables.frames[history.table].select(pl.col(key).cast(pl.Int64)).collect()
    index, keeper = KeyIndex.of(keys[key]), InMemory()
    made = aggregate_history(tables, levels, history.rollup.history, index=index, workers=workers, keeper=keeper)
    return _Inner(key, index, keeper.columns, made)


def _latest(rows: pl.LazyFrame, history: HistorySpecification, index: KeyIndex) -> _Latest:
    """Return for each order of the rows the greatest numbers of each key, (n_keys, count), ascending."""
    wanted = {condition for subset in history.subsets for condition in orders(subset)}
    latest = {condition: np.full((len(index), condition.count), -inf) for condition in wanted}
    if latest:
        columns = {condition.column for condition in latest}
        for chunk in chunks(rows.select(history.key, *sorted(columns - {history.key}))):
            places = index.places(chunk[history.key])
            for condition, kept in latest.items():
                keep_latest(places, to_numbers(chunk[condition.column]), kept)
    return latest


def _part(
    levels: Levels,
    history: HistorySpecification,
    subset: Subset | None,
    *,
    n_groups: int,
    workers: Workers,
    keeper: Keeper,
) -> _Part:
    measures = [measure for measure in history_measures(levels, history) if measure.column.subset == subset]
    rows = keeper.zeros(n_groups, np.int32)
    accumulators = accumulators_of(measures, n_groups, keeper, never=history.never, workers=workers)
    return _Part(subset, rows, accumulators)


def _groups(chunk: pl.DataFrame, subset: Subset | None, places: Places, latest: _Latest) -> Places:
    """Return each row's place if it is in the subset, else -1."""
    if subset is None:
        return places
    chosen = chunk[subset_column(subset)].to_numpy(writable=True)
    for condition in orders(subset):
        among_latest(places, to_numbers(chunk[condition.column]), latest[condition], chosen)
    return np.where(chosen, places, np.int32(-1))


def _tasks(
    chunk: pl.DataFrame, parts: Sequence[_Part], groups: Sequence[Places], inner: _Inner | None
) -> Iterator[Callable[[], None]]:
    """Yield what is to be done with a chunk: the rows counted, and each source's values taken by all that need it."""
    for part, members in zip(parts, groups, strict=True):
        yield partial(count_rows, members, part.rows)
    places = inner.index.places(chunk[inner.key]) if inner else np.empty(0, dtype=np.int32)
    for source in dict.fromkeys(source for part in parts for source in part.accumulators):
        takers = [
            (accumulator, members)
            for part, members in zip(parts, groups, strict=True)
            for accumulator in part.accumulators.get(source, ())
        ]
        if inner and source in inner.columns:
            yield partial(_take_inner, inner.columns[source], places, takers)
        else:
            yield partial(_take, chunk[source], takers)


def _take(values: pl.Series, takers: Sequence[tuple[Accumulator, Places]]) -> None:
    numbers = to_numbers(values)
    for accumulator, groups in takers:
        accumulator.add(groups, numbers)


def _take_inner(inner: Floats, places: Places, takers: Sequence[tuple[Accumulator, Places]]) -> None:
    numbers = inner[places]
    for accumulator, groups in takers:
        accumulator.add(groups, numbers)


def _finish(parts: Sequence[_Part], workers: Workers, keeper: Keeper) -> None:
    """Have the features of all parts kept, and the memory they were made in used again."""

    def finish(accumulator: Accumulator, rows: Counts) -> None:
        for name, values in accumulator.columns(rows):
            keeper.keep(name, values)

    tasks = [partial(finish, accumulator, part.rows) for part in parts for accumulator in _divided(part)]
    workers.run(tasks, n_rows=len(parts[0].rows))
    keeper.renew()


def _divided(part: _Part) -> Iterator[Accumulator]:
    """Yield all accumulators, those of levels in as many as there are levels: one thread alone would be the last."""
    for accumulator in (each for taken in part.accumulators.values() for each in taken):
        if isinstance(accumulator, LevelAccumulator):
            yield from accumulator.by_level()
        else:
            yield accumulator
