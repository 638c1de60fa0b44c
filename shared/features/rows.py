"""The rows of a history table as the loops take them: keys, numbers, level codes, derived columns, in chunks."""

from collections.abc import Iterator

import polars as pl

from shared.features.derivation import raw_inputs, with_derived
from shared.features.levels import Levels
from shared.features.preparation import code, number, require_columns, stored_number
from shared.features.specification import AmongLast, Condition, HasLevel, HistorySpecification, Subset

# As many as `counterfoil tables convert` puts into a row group: more would have to be put together first.
_CHUNK_ROWS = 1 << 17


def prepared_rows(frame: pl.LazyFrame, levels: Levels, history: HistorySpecification) -> pl.LazyFrame:
    """Return keys as Int64, numbers as Float64 or Int64, texts as Int16 codes, and whether rows are in each subset.

    Raises InvalidInput for a missing column.
    """
    keys = [history.key, *([history.rollup.history.key] if history.rollup else [])]
    numbers, combined = _number_columns(history), _combined_columns(history)
    require_columns(history.table, frame, (*keys, *numbers, *history.categories))
    kinds = frame.collect_schema()
    rows = frame.select(
        *(pl.col(key).cast(pl.Int64) for key in keys),
        *(number(c, never=history.never) if c in combined else stored_number(c, kinds[c]) for c in numbers),
        *(code(column, levels.of(history.table, column), kinds[column]) for column in history.categories),
    )
    subsets = [_in_subset(levels, history, subset) for subset in history.subsets]
    return with_derived(rows, history.derived).with_columns(subsets)


def chunks(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """Yield the rows in their order, some at a time, while the next ones are being read."""
    yield from rows.collect_batches(chunk_size=_CHUNK_ROWS, maintain_order=True)


def subset_column(subset: Subset) -> str:
    """Return the name of the column that tells whether a row meets the conditions that its own cells decide."""
    return f"in {subset.prefix}"


def orders(subset: Subset) -> list[AmongLast]:
    """Return the conditions that need the other rows of the same key."""
    return [condition for condition in subset.conditions if isinstance(condition, AmongLast)]


def _number_columns(history: HistorySpecification) -> list[str]:
    made = {column.name: column for column in history.derived}
    listed = [history.numbers, *(subset.numbers or () for subset in history.subsets)]
    needed = [aggregate.column for numbers in listed for aggregate in numbers]
    needed += [condition.column for condition in _conditions(history) if not isinstance(condition, HasLevel)]
    return list(dict.fromkeys(raw for column in (*made, *needed) for raw in raw_inputs(made, column)))


def _combined_columns(history: HistorySpecification) -> set[str]:
    """Return the numbers that expressions work on; the loops know by themselves what is missing."""
    made = {column.name: column for column in history.derived}
    needed = [condition.column for condition in _conditions(history) if not isinstance(condition, HasLevel)]
    return {raw for column in (*made, *needed) for raw in raw_inputs(made, column)}


def _conditions(history: HistorySpecification) -> list[Condition]:
    return [condition for subset in history.subsets for condition in subset.conditions]


def _in_subset(levels: Levels, history: HistorySpecification, subset: Subset) -> pl.Expr:
    met = [_met(levels, history, condition) for condition in subset.conditions if not isinstance(condition, AmongLast)]
    return pl.all_horizontal(pl.lit(value=True), *met).fill_null(value=False).alias(subset_column(subset))


def _met(levels: Levels, history: HistorySpecification, condition: Condition) -> pl.Expr:
    if isinstance(condition, HasLevel):
        known = levels.of(history.table, condition.column)
        # No code equals the one past the end: a level that was not seen at fit time is in no row.
        place = known.index(condition.level) if condition.level in known else len(known)
        return pl.col(condition.column) == place
    if isinstance(condition, AmongLast):
        raise TypeError("which rows are the last of their key is not seen from one row")
    return pl.col(condition.column).is_between(condition.lowest, condition.highest)
