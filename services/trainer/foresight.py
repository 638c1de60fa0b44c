"""What making a data set would fail for in the end, told before it begins, where that takes no more than a moment."""

from collections.abc import Collection
from pathlib import Path
from typing import Final

import numpy as np

from services.trainer.adapters.prepared_file import read_header
from services.trainer.adapters.tables_root import locate_file, locate_tables
from services.trainer.dataset_sources import described_columns
from services.trainer.domain.barring import refuse_barred
from services.trainer.domain.cleaning_rules import fit_cleaning, may_drop_all
from services.trainer.domain.dataset import LABEL, DatasetPlan
from services.trainer.domain.prepared.features import TABLE as PREPARED
from services.trainer.domain.prepared.header import feature_names
from services.trainer.domain.sources import PreparedTable, Source
from services.trainer.source_samples import MOST_APPLICANTS, sample_train_split
from shared.features.levels import any_levels
from shared.features.sets import SPECIFICATIONS
from shared.tables.schema import TABLES
from shared.tables.sources import find_source
from shared.turns import Turns

# The tables of 5,000 clients, 12 MB of Parquet, take half a second.
_QUICK_BYTES: Final = 32 << 20


def refuse_hopeless(plan: DatasetPlan, tables_root: Path, *, train_rows: int, turns: Turns) -> None:
    """Raise what its options would have a data set with so many rows in its train split fail for.

    Of barred columns that is always known: InvalidInput COLUMN_MISSING or NO_FEATURE. Of cleaning it is where tables
    are small enough to be looked at as a whole, at most 10,000 rows to train on and 32 MiB of files: Precondition
    NO_COLUMN_LEFT, or what waiting for one of the turns to look raises. Otherwise the job fails with it, as soon as its
    features are there.
    """
    if plan.barred_columns:
        refuse_barred(plan.barred_columns, _possible_features(plan.source, tables_root))
    if (
        may_drop_all(plan.cleaning)
        and train_rows <= MOST_APPLICANTS
        and _bytes(plan.source, tables_root) <= _QUICK_BYTES
    ):
        with turns.turn():
            _try_cleaning(plan, tables_root)


def _try_cleaning(plan: DatasetPlan, tables_root: Path) -> None:
    sample = sample_train_split(plan, tables_root)
    if sample.used.used < sample.used.total:
        return  # A part of the rows proves nothing.
    fit_cleaning(
        sample.frame,
        [feature.name for feature in sample.features],
        plan.cleaning,
        targets=sample.frame[LABEL].to_numpy().astype(np.int8),
        variables={feature.name: feature.group for feature in sample.features if feature.group},
    )


def _possible_features(source: Source, tables_root: Path) -> list[Collection[str]]:
    """Return what raw columns each feature would be made of, if every text column had one level."""
    if isinstance(source, PreparedTable):
        header = read_header(locate_file(tables_root, source.path))
        return [(f"{PREPARED}.{name}",) for name in feature_names(header, source)]
    directory, specification = locate_tables(tables_root, source.directory), SPECIFICATIONS[source.features]
    tables = [table for table in TABLES if find_source(directory, table)]
    features = described_columns(any_levels(tables, specification), specification)
    return [feature.sources for feature in features]


def _bytes(source: Source, tables_root: Path) -> int:
    if isinstance(source, PreparedTable):
        return locate_file(tables_root, source.path).stat().st_size
    directory = locate_tables(tables_root, source.directory)
    files = [find_source(directory, table) for table in TABLES]
    return sum(file.path.stat().st_size for file in files if file)
