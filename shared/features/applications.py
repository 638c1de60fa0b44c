"""The features of the applications' own rows, made column by column: together they are larger than the tables."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import nan

import numpy as np
import polars as pl

from shared.errors import InvalidInput
from shared.features.columns import application_columns
from shared.features.derivation import raw_inputs, with_derived
from shared.features.keeping import Keeper
from shared.features.levels import Levels
from shared.features.loops import Codes, take_numbers
from shared.features.preparation import UNSEEN_CODE, code, number, require_columns, to_floats, to_numbers
from shared.features.specification import (
    APPLICATION,
    APPLICATION_TABLES,
    CLIENT_KEY,
    TARGET,
    ApplicationSpecification,
    Binary,
)
from shared.features.workers import Workers
from shared.tables.schema import NEVER
from shared.tables.sources import column_path


@dataclass(frozen=True)
class Applications:
    """Keys and labels of the applications, in the order of the keys, in which the features were kept too.

    `unseen` and `dropped` are as in a FeatureTable.
    """

    frame: pl.DataFrame
    unseen: Mapping[str, int]
    dropped: int


@dataclass(frozen=True)
class _Rows:
    """Rows of both application tables, categories as codes, and the places of those kept, in the order of the keys."""

    stored: pl.DataFrame
    order: pl.Series

    def taken(self, *columns: str) -> pl.DataFrame:
        """Return some of the stored columns, of the rows that are kept and in their order."""
        # One by one, since a selection would go through all columns of the frame.
        return pl.DataFrame([self.stored.get_column(column).rechunk() for column in columns])[self.order]


def keep_applications(
    tables: Mapping[str, pl.LazyFrame],
    levels: Levels,
    specification: ApplicationSpecification,
    *,
    workers: Workers,
    keeper: Keeper,
) -> Applications:
    """Have the features of the application tables kept.

    Raises InvalidInput for a missing column, no application table, or an application that occurs twice.
    """
    stored = _stored(tables, levels, specification)
    rows = _Rows(stored, _order(stored, specification))
    unseen: dict[str, int] = {}
    workers.run(_tasks(rows, levels, specification, keeper, unseen), n_rows=len(rows.order))
    counted = [*(binary.column for binary in specification.binaries), *specification.categories]
    found = {f"{APPLICATION}.{column}": unseen[column] for column in counted if unseen[column]}
    frame = rows.taken(CLIENT_KEY, TARGET)
    return Applications(frame, found, stored.height - frame.height)


def _tasks(
    rows: _Rows, levels: Levels, specification: ApplicationSpecification, keeper: Keeper, unseen: dict[str, int]
) -> Iterator[Callable[[], None]]:
    """Yield what is to be done for the derived columns, which takes longest, and for each stored one."""
    yield partial(_keep_derived, rows, levels, specification, keeper)
    binaries = {binary.column: binary for binary in specification.binaries}
    for column in specification.numbers:
        if column in binaries:
            yield partial(_keep_binary, rows, binaries[column], keeper, unseen)
        else:
            yield partial(_keep_number, rows, column, specification, keeper)
    for column in specification.categories:
        codes = rows.taken(column).to_series().to_numpy()
        unseen[column] = int(np.count_nonzero(codes == UNSEEN_CODE))
        for place, level in enumerate(levels.of(APPLICATION, column)):
            yield partial(_keep_level, f"{column}_{level}", codes, place, keeper)


def _keep_number(rows: _Rows, column: str, specification: ApplicationSpecification, keeper: Keeper) -> None:
    stored = to_numbers(rows.stored.get_column(column).rechunk())
    taken = np.empty(len(rows.order), dtype=np.float64)
    never = float(NEVER) if column in specification.never else nan
    take_numbers(stored, rows.order.to_numpy(), never, taken)
    keeper.keep(column, taken)


def _keep_binary(rows: _Rows, binary: Binary, keeper: Keeper, unseen: dict[str, int]) -> None:
    texts = rows.taken(binary.column).to_series()
    values = _binary_values(texts, binary)
    unseen[binary.column] = values.null_count() - texts.null_count()
    keeper.keep(binary.column, to_floats(values))


def _keep_level(name: str, codes: Codes, place: int, keeper: Keeper) -> None:
    keeper.keep(name, (codes == place).astype(np.float64))


def _keep_derived(rows: _Rows, levels: Levels, specification: ApplicationSpecification, keeper: Keeper) -> None:
    made = {derived.name: derived for derived in specification.derived}
    inputs = dict.fromkeys(raw for name in made for raw in raw_inputs(made, name))
    stored = rows.taken(*inputs)
    binaries = [_binary_values(stored[b.column], b) for b in specification.binaries if b.column in inputs]
    numbers = [
        number(column, never=specification.never) for column in inputs if column not in {b.name for b in binaries}
    ]
    frame = stored.select(*numbers, *binaries)
    frame = with_derived(frame, specification.derived)
    for column in application_columns(levels, specification):
        if column.operation:
            keeper.keep(column.name, to_floats(frame[column.name]))


def _binary_values(texts: pl.Series, binary: Binary) -> pl.Series:
    codes = binary.codes
    return texts.replace_strict(list(codes), list(codes.values()), default=None, return_dtype=pl.Float64)


def _stored(
    tables: Mapping[str, pl.LazyFrame], levels: Levels, specification: ApplicationSpecification
) -> pl.DataFrame:
    present = [name for name in APPLICATION_TABLES if name in tables]
    if not present:
        description = f"there is no application table; supply {' or '.join(APPLICATION_TABLES)}"
        raise InvalidInput.of("tables", description, reason="TABLE_MISSING")
    parts = [_stored_table(name, tables[name], levels, specification) for name in present]
    return pl.concat(pl.collect_all(parts), rechunk=False)


def _stored_table(
    name: str, frame: pl.LazyFrame, levels: Levels, specification: ApplicationSpecification
) -> pl.LazyFrame:
    require_columns(name, frame, (CLIENT_KEY, *specification.numbers, *specification.categories))
    binaries = [binary.column for binary in specification.binaries]
    kinds = frame.collect_schema()
    return frame.select(
        pl.col(CLIENT_KEY).cast(pl.Int64),
        (pl.col(TARGET) if TARGET in kinds else pl.lit(None)).cast(pl.Int8).alias(TARGET),
        *(pl.col(c).cast(pl.String if c in binaries else pl.Float64) for c in specification.numbers),
        *(code(c, levels.of(APPLICATION, c), kinds[c]) for c in specification.categories),
    )


def _order(stored: pl.DataFrame, specification: ApplicationSpecification) -> pl.Series:
    """Return the places of the rows that are not left out, in the order of their keys."""
    column, level = specification.dropped
    keys = stored.lazy().select(CLIENT_KEY, column).with_row_index("place").filter(pl.col(column).ne_missing(level))
    ordered = keys.sort(CLIENT_KEY).collect()
    if ordered[CLIENT_KEY].is_duplicated().any():
        description = "an application occurs twice; keep one row per SK_ID_CURR over both application tables"
        raise InvalidInput.of(column_path(APPLICATION_TABLES[0], CLIENT_KEY), description, reason="DUPLICATE_KEY")
    return ordered["place"]
