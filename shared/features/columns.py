"""Which features a specification and its levels make, in order, and what each is made of."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from shared.errors import InvalidInput
from shared.features.derivation import raw_inputs
from shared.features.levels import Levels
from shared.features.preparation import MISSING_CODE
from shared.features.reference import REFERENCE
from shared.features.specification import (
    APPLICATION,
    CLIENT_KEY,
    MISSING_LEVEL,
    Aggregate,
    Aggregation,
    ApplicationSpecification,
    Derived,
    FeatureSpecification,
    HistorySpecification,
    Operation,
    Subset,
)
from shared.tables.sources import column_path

Kind = Literal["numeric", "binary", "one_hot"]


@dataclass(frozen=True)
class FeatureColumn:
    """One feature.

    `table` is `application` for both application tables. `columns` are the raw columns of `table` that it needs, apart
    from the key; one of another table is written `table.COLUMN`. `group` is the raw application column behind a
    one-hot or a binary, else None. `level` is the text level behind a one-hot, or behind the share of such rows in a
    history table (`nan` there: the missing level). `codes` maps the levels of a binary to its values. `source` is the
    raw or derived column that is measured, `aggregations` how, innermost first; `subset` the rows it is taken over.
    A feature computed from other features of the same client has their `inputs` and the `operation`, and is filed under
    the application, whatever tables they come from.
    """

    name: str
    kind: Kind
    table: str
    columns: tuple[str, ...]
    group: str | None = None
    level: str | None = None
    codes: Mapping[str, float] = field(default_factory=dict, hash=False)
    source: str = ""
    aggregations: tuple[Aggregation, ...] = ()
    subset: Subset | None = None
    operation: Operation | None = None
    inputs: tuple["FeatureColumn", ...] = ()


@dataclass(frozen=True)
class Measure:
    """How one feature of a history table is taken from its prepared rows.

    `source` is a column of the prepared rows; with a `code` it is a text column and the rows of that level count as 1.
    """

    column: FeatureColumn
    source: str
    function: Aggregation
    code: int | None = None


def feature_columns(
    levels: Levels, specification: FeatureSpecification = REFERENCE, tables: Collection[str] | None = None
) -> tuple[FeatureColumn, ...]:
    """Return the features in reference order, those of absent history tables left out.

    `tables` names the tables at hand (default: those at fit time). Raises InvalidInput if two features get one name.
    """
    known = levels if tables is None else levels.only(tables)
    columns = list(application_columns(known, specification.application))
    for history in specification.histories:
        columns += [measure.column for measure in history_measures(known, history)]
    columns += _computed(specification.combined, columns)
    _refuse_equal_names(columns)
    return tuple(columns)


def application_columns(levels: Levels, specification: ApplicationSpecification) -> Iterator[FeatureColumn]:
    """Yield the application's own features: numbers and binaries, one-hots, derived columns."""
    codes = {binary.column: binary.codes for binary in specification.binaries}
    numbers = [FeatureColumn(name, "numeric", APPLICATION, (name,), source=name) for name in specification.numbers]
    for column in numbers:
        name = column.name
        yield replace(column, kind="binary", group=name, codes=codes[name]) if name in codes else column
    for name in specification.categories:
        for level in levels.of(APPLICATION, name):
            full_name = f"{name}_{level}"
            yield FeatureColumn(full_name, "one_hot", APPLICATION, (name,), group=name, level=level, source=name)
    yield from _computed(specification.derived, numbers)


def history_measures(levels: Levels, history: HistorySpecification) -> tuple[Measure, ...]:
    """Return the measures of a history table in reference order; none if the table was not there at fit time."""
    if history.table not in levels.tables:
        return ()
    measures = [*_numbers(levels, history, None), *_categories(levels, history, None)]
    for subset in history.subsets:
        measures += [*_numbers(levels, history, subset), *_categories(levels, history, subset)]
        measures += _counts(history, subset)
    measures += _counts(history, None)
    return tuple(measures)


def _numbers(levels: Levels, history: HistorySpecification, subset: Subset | None) -> Iterator[Measure]:
    own = subset.numbers if subset else None
    for column, function in _pairs(history.numbers if own is None else own):
        raw = raw_inputs({made.name: made for made in history.derived}, column)
        yield _measure(history, subset, column, function, raw=raw)
    if history.rollup and history.rollup.history.table in levels.tables and own is None:
        inner = {measure.column.name: measure.column for measure in history_measures(levels, history.rollup.history)}
        for column, function in _pairs(history.rollup.numbers):
            yield _rolled_up(history, inner[column], function, subset)


def _categories(levels: Levels, history: HistorySpecification, subset: Subset | None) -> Iterator[Measure]:
    for name in history.categories if subset is None else subset.categories:
        places = [*enumerate(levels.of(history.table, name)), (MISSING_CODE, MISSING_LEVEL)]
        for code, level in places:
            for function in history.category_functions:
                made = _measure(history, subset, f"{name}_{level}", function, raw=(name,))
                yield Measure(replace(made.column, level=level, source=name), name, function, code)
    if history.rollup and history.rollup.history.table in levels.tables and subset is None:
        for measure in _categories(levels, history.rollup.history, None):
            for function in history.category_functions:
                yield _rolled_up(history, measure.column, function, None)


def _counts(history: HistorySpecification, subset: Subset | None) -> Iterator[Measure]:
    if (subset or history).count:
        name = f"{(subset or history).prefix}COUNT"
        columns = _filtered(history, subset)
        count = FeatureColumn(name, "numeric", history.table, columns, source="COUNT", aggregations=("size",))
        yield Measure(replace(count, subset=subset), history.key, "size")


def _measure(
    history: HistorySpecification, subset: Subset | None, source: str, function: Aggregation, *, raw: Sequence[str]
) -> Measure:
    column = FeatureColumn(
        f"{(subset or history).prefix}{source}_{function.upper()}",
        "numeric",
        history.table,
        tuple(dict.fromkeys((*raw, *_filtered(history, subset)))),
        source=source,
        aggregations=(function,),
        subset=subset,
    )
    return Measure(column, source, function)


def _pairs(aggregates: Iterable[Aggregate]) -> Iterator[tuple[str, Aggregation]]:
    return ((aggregate.column, function) for aggregate in aggregates for function in aggregate.functions)


def _filtered(history: HistorySpecification, subset: Subset | None) -> tuple[str, ...]:
    """Return the raw columns that decide whether a row is in the subset."""
    made = {column.name: column for column in history.derived}
    conditions = subset.conditions if subset else ()
    return tuple(raw for condition in conditions for raw in raw_inputs(made, condition.column))


def _rolled_up(
    history: HistorySpecification, inner: FeatureColumn, function: Aggregation, subset: Subset | None
) -> Measure:
    prefix = subset.prefix if subset else history.prefix
    filtered = (f"{history.table}.{column}" for column in _filtered(history, subset))
    column = replace(
        inner,
        name=f"{prefix}{inner.name}_{function.upper()}",
        columns=(*inner.columns, *filtered),
        aggregations=(*inner.aggregations, function),
        subset=subset,
    )
    return Measure(column, inner.name, function)


def _computed(columns: Iterable[Derived], features: Iterable[FeatureColumn]) -> Iterator[FeatureColumn]:
    """Yield the features computed from others of the same client, and from one another, whose inputs are all there."""
    known = {feature.name: feature for feature in features}
    for made in columns:
        if known.keys() >= set(made.inputs):
            inputs = tuple(known[name] for name in made.inputs)
            raw = tuple(dict.fromkeys(column for feature in inputs for column in _qualified(feature)))
            known[made.name] = FeatureColumn(
                made.name, "numeric", APPLICATION, raw, source=made.name, operation=made.operation, inputs=inputs
            )
            yield known[made.name]


def _qualified(feature: FeatureColumn) -> tuple[str, ...]:
    """Return the feature's raw columns as a feature of the application names them."""
    if feature.table == APPLICATION:
        return feature.columns
    # A history that is only counted needs its key alone; which table it is must still be seen.
    return tuple(name if "." in name else f"{feature.table}.{name}" for name in feature.columns or (CLIENT_KEY,))


def _refuse_equal_names(columns: list[FeatureColumn]) -> None:
    seen: set[str] = set()
    for column in columns:
        if column.name in seen:
            field_path = column_path(column.table, column.source)
            description = f"a level makes the feature {column.name!r} a second time; rename that level"
            raise InvalidInput.of(field_path, description, reason="EQUAL_FEATURE_NAMES")
        seen.add(column.name)
