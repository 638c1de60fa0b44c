"""One table of history aggregated to one row per key, in one group-by for all rows and one per subset."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from shared.features.columns import Measure, history_measures
from shared.features.derivation import raw_inputs, with_derived
from shared.features.levels import Levels
from shared.features.preparation import code, number, require_columns, unseen
from shared.features.specification import Aggregation, AmongLast, Condition, HasLevel, HistorySpecification, Subset

_UNSEEN_PREFIX = "unseen in "
_RANK_PREFIX = "rank by "


@dataclass(frozen=True)
class AggregatedHistory:
    """One row per key that has rows, with Float64 columns named as the features; a client without rows is not there.

    `unseen` maps `table.COLUMN` to the number of cells whose level was not known, where there are any.
    """

    frame: pl.DataFrame
    unseen: Mapping[str, int]


def aggregate_history(
    tables: Mapping[str, pl.LazyFrame], levels: Levels, history: HistorySpecification
) -> AggregatedHistory:
    """Return the features of one history table per key; raises InvalidInput for a missing column."""
    rows = _prepared(tables[history.table], levels, history)
    inner = _inner(tables, levels, history)
    if inner and history.rollup:
        rows = rows.join(inner.frame.lazy(), on=history.rollup.history.key, how="left", maintain_order="left")
    # Sorted by key, a group's floats are summed over one slice, in the order of the file: the same bits in every run,
    # for any number of threads, and for a client alone; it is also the fastest of the ways that were measured.
    rows = rows.sort(history.key, maintain_order=True).with_columns(_ranks(history))
    measures = history_measures(levels, history)
    counts = [unseen(column).alias(_UNSEEN_PREFIX + column) for column in history.categories]
    plans = [_grouped(rows, history.key, _of(measures, None), counts)]
    for subset in history.subsets:
        kept = rows.filter(*(_met(levels, history, condition) for condition in subset.conditions))
        plans.append(_grouped(kept, history.key, _of(measures, subset), ()))
    whole, *parts = pl.collect_all(plans, engine="in-memory")
    found = _unseen_counts(whole, history) | dict(inner.unseen if inner else {})
    frame = whole.drop(_UNSEEN_PREFIX + column for column in history.categories)
    for part in parts:
        frame = frame.join(part, on=history.key, how="left")
    return AggregatedHistory(frame.select(history.key, *(measure.column.name for measure in measures)), found)


def _inner(
    tables: Mapping[str, pl.LazyFrame], levels: Levels, history: HistorySpecification
) -> AggregatedHistory | None:
    if history.rollup is None or history.rollup.history.table not in levels.tables:
        return None
    return aggregate_history(tables, levels, history.rollup.history)


def _prepared(frame: pl.LazyFrame, levels: Levels, history: HistorySpecification) -> pl.LazyFrame:
    keys = [history.key, *([history.rollup.history.key] if history.rollup else [])]
    numbers = _number_columns(history)
    require_columns(history.table, frame, (*keys, *numbers, *history.categories))
    cells = [
        *(pl.col(key).cast(pl.Int64) for key in keys),
        *(number(column, never=history.never) for column in numbers),
        *(code(column, levels.of(history.table, column)) for column in history.categories),
    ]
    return with_derived(frame.select(cells), history.derived)


def _number_columns(history: HistorySpecification) -> list[str]:
    made = {column.name: column for column in history.derived}
    listed = [history.numbers, *(subset.numbers or () for subset in history.subsets)]
    needed = [aggregate.column for numbers in listed for aggregate in numbers]
    needed += [condition.column for condition in _conditions(history) if not isinstance(condition, HasLevel)]
    return list(dict.fromkeys(raw for column in (*made, *needed) for raw in raw_inputs(made, column)))


def _conditions(history: HistorySpecification) -> list[Condition]:
    return [condition for subset in history.subsets for condition in subset.conditions]


def _ranks(history: HistorySpecification) -> list[pl.Expr]:
    """Return for each order of the rows how many of the same key come later, plus one; missing where it is missing."""
    columns = {condition.column for condition in _conditions(history) if isinstance(condition, AmongLast)}
    return [
        pl.col(column).rank("min", descending=True).over(history.key).alias(_RANK_PREFIX + column)
        for column in sorted(columns)
    ]


def _met(levels: Levels, history: HistorySpecification, condition: Condition) -> pl.Expr:
    if isinstance(condition, HasLevel):
        known = levels.of(history.table, condition.column)
        # No code equals the one past the end: a level that was not seen at fit time is in no row.
        place = known.index(condition.level) if condition.level in known else len(known)
        return pl.col(condition.column) == place
    if isinstance(condition, AmongLast):
        return pl.col(_RANK_PREFIX + condition.column) <= condition.count
    return pl.col(condition.column).is_between(condition.lowest, condition.highest)


def _of(measures: Sequence[Measure], subset: Subset | None) -> list[Measure]:
    return [measure for measure in measures if measure.column.subset == subset]


def _grouped(rows: pl.LazyFrame, key: str, measures: Iterable[Measure], counts: Iterable[pl.Expr]) -> pl.LazyFrame:
    return rows.group_by(key).agg(*(_measured(measure) for measure in measures), *counts)


def _measured(measure: Measure) -> pl.Expr:
    values = pl.col(measure.source)
    if measure.code is not None:
        values = (values == measure.code).cast(pl.Float64)
    return _aggregated(values, measure.function).cast(pl.Float64).alias(measure.column.name)


def _aggregated(values: pl.Expr, function: Aggregation) -> pl.Expr:
    if function == "size":
        return pl.len()
    if function == "nunique":
        return values.drop_nulls().n_unique()
    if function == "var":
        # Shifted by one of its own values: unshifted, values close together lose up to seven digits of the variance.
        return (values - values.drop_nulls().first()).var(ddof=1)
    aggregated: pl.Expr = getattr(values, function)()
    return aggregated


def _unseen_counts(frame: pl.DataFrame, history: HistorySpecification) -> dict[str, int]:
    counted = {column: int(frame[_UNSEEN_PREFIX + column].sum()) for column in history.categories}
    return {f"{history.table}.{column}": count for column, count in counted.items() if count}
