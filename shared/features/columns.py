"""Which features a specification and its levels make, in order, and what each is made of."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from shared.errors import InvalidInput
from shared.features.levels import Levels
from shared.features.preparation import MISSING_CODE
from shared.features.specification import (
    APPLICATION,
    MISSING_LEVEL,
    REFERENCE,
    Aggregation,
    ApplicationSpecification,
    Derived,
    FeatureSpecification,
    HistorySpecification,
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
    _refuse_equal_names(columns)
    return tuple(columns)


def application_columns(levels: Levels, specification: ApplicationSpecification) -> Iterator[FeatureColumn]:
    """Yield the application's own features: numbers and binaries, one-hots, derived columns."""
    codes = {binary.column: binary.codes for binary in specification.binaries}
    for name in specification.numbers:
        column = FeatureColumn(name, "numeric", APPLICATION, (name,), source=name)
        yield replace(column, kind="binary", group=name, codes=codes[name]) if name in codes else column
    for name in specification.categories:
        for level in levels.of(APPLICATION, name):
            full_name = f"{name}_{level}"
            yield FeatureColumn(full_name, "one_hot", APPLICATION, (name,), group=name, level=level, source=name)
    for made in specification.derived:
        yield FeatureColumn(made.name, "numeric", APPLICATION, (made.left, made.right), source=made.name)


def history_measures(levels: Levels, history: HistorySpecification) -> tuple[Measure, ...]:
    """Return the measures of a history table in reference order; none if the table was not there at fit time."""
    if history.table not in levels.tables:
        return ()
    measures = [*_numbers(levels, history, None), *_categories(levels, history)]
    for subset in history.subsets:
        measures += _numbers(levels, history, subset)
    if history.count:
        name = f"{history.prefix}COUNT"
        count = FeatureColumn(name, "numeric", history.table, (), source="COUNT", aggregations=("size",))
        measures.append(Measure(count, history.key, "size"))
    return tuple(measures)


def _numbers(levels: Levels, history: HistorySpecification, subset: Subset | None) -> Iterator[Measure]:
    prefix = subset.prefix if subset else history.prefix
    filtered = (subset.column,) if subset else ()
    for aggregate in history.numbers:
        for function in aggregate.functions:
            column = FeatureColumn(
                f"{prefix}{aggregate.column}_{function.upper()}",
                "numeric",
                history.table,
                tuple(dict.fromkeys((*_raw_columns(history.derived, aggregate.column), *filtered))),
                source=aggregate.column,
                aggregations=(function,),
                subset=subset,
            )
            yield Measure(column, aggregate.column, function)
    if history.rollup and history.rollup.history.table in levels.tables:
        inner = {measure.column.name: measure.column for measure in history_measures(levels, history.rollup.history)}
        for aggregate in history.rollup.numbers:
            for function in aggregate.functions:
                yield _rolled_up(history, inner[aggregate.column], function, subset)


def _categories(levels: Levels, history: HistorySpecification) -> Iterator[Measure]:
    for name in history.categories:
        places = [*enumerate(levels.of(history.table, name)), (MISSING_CODE, MISSING_LEVEL)]
        for code, level in places:
            for function in history.category_functions:
                full_name = f"{history.prefix}{name}_{level}_{function.upper()}"
                column = FeatureColumn(full_name, "numeric", history.table, (name,), level=level, source=name)
                yield Measure(replace(column, aggregations=(function,)), name, function, code)
    if history.rollup and history.rollup.history.table in levels.tables:
        for measure in _categories(levels, history.rollup.history):
            for function in history.category_functions:
                yield _rolled_up(history, measure.column, function, None)


def _rolled_up(
    history: HistorySpecification, inner: FeatureColumn, function: Aggregation, subset: Subset | None
) -> Measure:
    prefix = subset.prefix if subset else history.prefix
    filtered = (f"{history.table}.{subset.column}",) if subset else ()
    column = replace(
        inner,
        name=f"{prefix}{inner.name}_{function.upper()}",
        columns=(*inner.columns, *filtered),
        aggregations=(*inner.aggregations, function),
        subset=subset,
    )
    return Measure(column, inner.name, function)


def _raw_columns(made: tuple[Derived, ...], column: str) -> tuple[str, ...]:
    return next(((d.left, d.right) for d in made if d.name == column), (column,))


def _refuse_equal_names(columns: list[FeatureColumn]) -> None:
    seen: set[str] = set()
    for column in columns:
        if column.name in seen:
            field_path = column_path(column.table, column.source)
            description = f"a level makes the feature {column.name!r} a second time; rename that level"
            raise InvalidInput.of(field_path, description, reason="EQUAL_FEATURE_NAMES")
        seen.add(column.name)
