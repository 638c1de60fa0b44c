"""Raw tables in, one row of features per application out; the same for a million applications and for one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from shared.features.applications import keep_applications
from shared.features.columns import feature_columns
from shared.features.derivation import with_derived
from shared.features.histories import aggregate_history
from shared.features.keeping import InMemory, Keeper
from shared.features.keys import KeyIndex
from shared.features.levels import Levels, fit_levels
from shared.features.preparation import to_floats
from shared.features.reference import REFERENCE
from shared.features.specification import CLIENT_KEY, TARGET, Derived, FeatureSpecification
from shared.features.tables import FeatureTables
from shared.features.workers import hired_workers


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


def build_features(
    tables: Mapping[str, pl.LazyFrame],
    levels: Levels,
    specification: FeatureSpecification = REFERENCE,
    *,
    keeper: Keeper | None = None,
) -> FeatureTable:
    """Return the features of every application in application_train and application_test, whichever are there.

    They are kept in memory, unless there is another keeper. Features of a history table are left out if it is absent
    from `tables` or was absent at fit time. A client without rows in a table that is there has missing values, not
    zeros. Raises InvalidInput for a missing column, no application table, or an application that occurs twice.
    """
    return _build(FeatureTables(tables), levels.only(tables), specification, keeper or InMemory())[1]


def fit_features(
    tables: FeatureTables,
    specification: FeatureSpecification = REFERENCE,
    *,
    keeper: Keeper | None = None,
    clients: pl.Series | None = None,
) -> tuple[Levels, FeatureTable]:
    """Return the levels that `fit_levels` finds, and the features that `build_features` makes with them.

    A table of codes is read once for both. With `clients` (Int64), features of these alone are made; the levels are
    those of all rows all the same.
    """
    chosen = tables.with_codes(specification) if clients is None else tables.of_clients(clients)
    fitted = {name: frame for name, frame in tables.frames.items() if name not in chosen.codes}
    levels = fit_levels(fitted, specification)
    return _build(chosen, levels, specification, keeper or InMemory())


def _build(
    tables: FeatureTables, levels: Levels, specification: FeatureSpecification, keeper: Keeper
) -> tuple[Levels, FeatureTable]:
    with hired_workers() as workers:
        applications = keep_applications(
            tables.frames, levels, specification.application, workers=workers, keeper=keeper
        )
        unseen, index = dict(applications.unseen), KeyIndex.of(applications.frame[CLIENT_KEY])
        for history in specification.histories:
            if tables.known(history.table, levels):
                made = aggregate_history(tables, levels, history, index=index, workers=workers, keeper=keeper)
                levels, unseen = made.levels, unseen | dict(made.unseen)
    names = [column.name for column in feature_columns(levels, specification)]
    frame = _with_kept(applications.frame, keeper)
    frame = _with_combined(frame, [derived for derived in specification.combined if derived.name in names], keeper)
    return levels, FeatureTable(frame.select(CLIENT_KEY, TARGET, *names), unseen, applications.dropped)


def _with_kept(frame: pl.DataFrame, keeper: Keeper) -> pl.DataFrame:
    # Past the last client there is a place for keys without rows.
    return frame.with_columns(series.head(frame.height) for series in keeper.series())


def _with_combined(frame: pl.DataFrame, combined: Sequence[Derived], keeper: Keeper) -> pl.DataFrame:
    """Return the features with those that are computed from them."""
    if not combined:
        return frame
    needed = {name for derived in combined for name in derived.inputs} & set(frame.columns)
    made = with_derived(frame.select(sorted(needed)), combined)
    for derived in combined:
        keeper.keep(derived.name, to_floats(made[derived.name]))
    return _with_kept(frame, keeper)
