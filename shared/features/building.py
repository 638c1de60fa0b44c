"""Raw tables in, one row of features per application out; the same for a million applications and for one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from shared.errors import InvalidInput
from shared.features.columns import FeatureColumn, application_columns, feature_columns
from shared.features.derivation import with_derived
from shared.features.histories import aggregate_history
from shared.features.keys import KeyIndex
from shared.features.levels import Levels
from shared.features.loops import Floats
from shared.features.preparation import UNSEEN_CODE, code, finite, number, require_columns
from shared.features.reference import REFERENCE
from shared.features.specification import (
    APPLICATION,
    APPLICATION_TABLES,
    CLIENT_KEY,
    TARGET,
    ApplicationSpecification,
    FeatureSpecification,
)
from shared.features.workers import hired_workers
from shared.tables.sources import column_path


@dataclass(frozen=True)
class FeatureTable:
    """The features of all applications, sorted by SK_ID_CURR.

    `frame` holds SK_ID_CURR (Int64), TARGET (Int8, null where there is no label) and the Float64 features in reference
    order. A missing value is null; no NaN and no infinity occurs: a division by zero, an infinite or NaN cell and an
    overflow are missing. `unseen` maps `table.COLUMN` (`application.` for both application tables) to the number of
    cells whose level was not known at fit time, where there are any; such a cell is none of the levels, in a binary
    column it is missing. `dropped` counts the applications left out as the specification says (gender XNA).
    """

    frame: pl.DataFrame
    unseen: Mapping[str, int]
    dropped: int


@dataclass(frozen=True)
class _Applications:
    frame: pl.DataFrame
    unseen: dict[str, int]
    dropped: int


def build_features(
    tables: Mapping[str, pl.LazyFrame], levels: Levels, specification: FeatureSpecification = REFERENCE
) -> FeatureTable:
    """Return the features of every application in application_train and application_test, whichever are there.

    Features of a history table are left out if it is absent from `tables` or was absent at fit time. A client without
    rows in a table that is there has missing values, not zeros. Raises InvalidInput for a missing column, no
    application table, or an application that occurs twice.
    """
    known = levels.only(tables)
    columns = feature_columns(known, specification)
    applications = _applications(tables, known, specification.application)
    unseen, made = applications.unseen, list(applications.frame)
    index = KeyIndex.of(applications.frame[CLIENT_KEY])
    with hired_workers() as workers:
        for history in specification.histories:
            if history.table in known.tables:
                part = aggregate_history(tables, known, history, index=index, workers=workers)
                made += _drained(part.columns)
                unseen |= part.unseen
    names = {column.name for column in columns}
    combined = [derived for derived in specification.combined if derived.name in names]
    frame = with_derived(pl.DataFrame(made), combined).with_columns(
        finite(pl.col(d.name)).alias(d.name) for d in combined
    )
    return FeatureTable(frame.select(CLIENT_KEY, TARGET, *(c.name for c in columns)), unseen, applications.dropped)


def _drained(columns: dict[str, Floats]) -> Iterator[pl.Series]:
    """Yield the columns with null in place of NaN, each let go as soon as it is copied: not all are there twice."""
    while columns:
        name = next(iter(columns))
        yield pl.Series(name, columns.pop(name), nan_to_null=True)


def _applications(
    tables: Mapping[str, pl.LazyFrame], levels: Levels, specification: ApplicationSpecification
) -> _Applications:
    raw = _raw_applications(tables, specification)
    column, level = specification.dropped
    kept = raw.filter(pl.col(column).ne_missing(level))
    if kept[CLIENT_KEY].is_duplicated().any():
        description = "an application occurs twice; keep one row per SK_ID_CURR over both application tables"
        raise InvalidInput.of(column_path(APPLICATION_TABLES[0], CLIENT_KEY), description, reason="DUPLICATE_KEY")
    kept = kept.sort(CLIENT_KEY)
    coded = with_derived(kept.with_columns(_cells(levels, specification)), specification.derived)
    features = [_feature(levels, feature) for feature in application_columns(levels, specification)]
    frame = coded.select(CLIENT_KEY, TARGET, *features)
    return _Applications(frame, _unseen_counts(kept, coded, specification), raw.height - kept.height)


def _raw_applications(tables: Mapping[str, pl.LazyFrame], specification: ApplicationSpecification) -> pl.DataFrame:
    present = [name for name in APPLICATION_TABLES if name in tables]
    if not present:
        description = f"there is no application table; supply {' or '.join(APPLICATION_TABLES)}"
        raise InvalidInput.of("tables", description, reason="TABLE_MISSING")
    parts = [_raw_application(name, tables[name], specification) for name in present]
    return pl.concat(pl.collect_all(parts))


def _raw_application(name: str, frame: pl.LazyFrame, specification: ApplicationSpecification) -> pl.LazyFrame:
    texts = _text_columns(specification)
    numbers = [column for column in specification.numbers if column not in texts]
    require_columns(name, frame, (CLIENT_KEY, *specification.numbers, *specification.categories))
    labelled = TARGET in frame.collect_schema().names()
    return frame.select(
        pl.col(CLIENT_KEY).cast(pl.Int64),
        (pl.col(TARGET) if labelled else pl.lit(None)).cast(pl.Int8).alias(TARGET),
        *(number(column, never=specification.never) for column in numbers),
        *(pl.col(column).cast(pl.String) for column in texts),
    )


def _text_columns(specification: ApplicationSpecification) -> list[str]:
    return [*(binary.column for binary in specification.binaries), *specification.categories]


def _cells(levels: Levels, specification: ApplicationSpecification) -> list[pl.Expr]:
    binaries = [
        pl.col(b.column).replace_strict(list(b.codes), list(b.codes.values()), default=None, return_dtype=pl.Float64)
        for b in specification.binaries
    ]
    return [
        *binaries,
        *(code(column, levels.of(APPLICATION, column), pl.String()) for column in specification.categories),
    ]


def _feature(levels: Levels, column: FeatureColumn) -> pl.Expr:
    if column.kind != "one_hot" or column.level is None:
        return finite(pl.col(column.name)).alias(column.name)
    place = levels.of(APPLICATION, column.source).index(column.level)
    return (pl.col(column.source) == place).cast(pl.Float64).alias(column.name)


def _unseen_counts(kept: pl.DataFrame, coded: pl.DataFrame, specification: ApplicationSpecification) -> dict[str, int]:
    binaries: Sequence[str] = [binary.column for binary in specification.binaries]
    counted = {column: int((kept[column].is_not_null() & coded[column].is_null()).sum()) for column in binaries}
    counted |= {column: int((coded[column] == UNSEEN_CODE).sum()) for column in specification.categories}
    return {f"{APPLICATION}.{column}": count for column, count in counted.items() if count}
