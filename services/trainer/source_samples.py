"""What the train split of a data set would be, read off some of its applicants without making the data set."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from services.trainer.adapters.prepared_file import is_inferred, read_cells, read_header
from services.trainer.adapters.tables_root import DIRECTORY, FILE, locate_file, locate_tables
from services.trainer.dataset_sources import described_columns
from services.trainer.domain.barring import without_barred
from services.trainer.domain.dataset import LABEL, DatasetPlan, split_rows
from services.trainer.domain.inspection import MOST_ANALYSED_CELLS
from services.trainer.domain.prepared.features import encode_table
from services.trainer.domain.prepared.header import check_header
from services.trainer.domain.prepared.labels import applicants, targets
from services.trainer.domain.rows import RowsUsed, spread
from services.trainer.domain.sources import HomeCreditTables, PreparedTable
from shared.bundle.schema import Feature
from shared.errors import InvalidInput
from shared.features.building import fit_features
from shared.features.sets import SPECIFICATIONS
from shared.features.specification import CLIENT_KEY, TARGET, ApplicationSpecification
from shared.features.tables import FeatureTables
from shared.tables.schema import TABLES
from shared.tables.sources import find_source
from shared.tables.streaming import stream_tables

MOST_APPLICANTS: Final = 10_000
# What is read in a call rather than in a job, in bytes; the eight tables as Kaggle has them are 2.7e9 of CSV.
_LARGEST_TABLES: Final = 4 << 30
_LARGEST_PREPARED: Final = 1 << 30


@dataclass(frozen=True)
class Sample:
    """Some applicants of a train split: `target` (1 = default) and the uncleaned `features` in `frame`."""

    frame: pl.DataFrame
    features: tuple[Feature, ...]
    used: RowsUsed

    def without(self, barred_columns: Sequence[str]) -> "Sample":
        """Return the sample without any feature that a raw column has a part in; raises as `without_barred`."""
        frame, features = without_barred(self.frame, self.features, barred_columns)
        return replace(self, frame=frame, features=features)


def sample_train_split(plan: DatasetPlan, tables_root: Path, *, most: int = MOST_APPLICANTS) -> Sample:
    """Return at most so many applicants, and MOST_ANALYSED_CELLS, of the train split that the plan would make.

    They are evenly spread over it, from a start that the plan's seed draws.

    Raises what making it would raise of the source and the split, and InvalidInput SOURCE_TOO_LARGE.
    """
    if isinstance(plan.source, PreparedTable):
        sample = _of_prepared(plan, plan.source, locate_file(tables_root, plan.source.path), most)
    else:
        sample = _of_tables(plan, plan.source, locate_tables(tables_root, plan.source.directory), most)
    sample = sample.without(plan.barred_columns)
    # How many columns there are, and so how many rows are looked at, is known only now.
    start, step = spread(sample.frame.height, max(1, MOST_ANALYSED_CELLS // len(sample.features)), plan.seed)
    shown = sample.frame.gather_every(step, start)
    return replace(sample, frame=shown, used=RowsUsed(sample.used.total, shown.height, truncated=False))


def _of_tables(plan: DatasetPlan, source: HomeCreditTables, directory: Path, most: int) -> Sample:
    files = [find_source(directory, table) for table in TABLES]
    _refuse_large([file.path for file in files if file], _LARGEST_TABLES, DIRECTORY)
    specification = SPECIFICATIONS[source.features]
    tables = stream_tables(directory)
    labelled = _labelled(tables.frames["application_train"], specification.application)
    train = split_rows(labelled[TARGET], plan)["train"]
    chosen = _spread(train, most, plan.seed)
    raw = FeatureTables(tables.frames, tables.codes)
    levels, table = fit_features(raw, specification, clients=labelled[CLIENT_KEY][chosen])
    frame = table.frame.rename({TARGET: LABEL})
    return Sample(frame, described_columns(levels, specification), _used(train, chosen))


def _labelled(applications: pl.LazyFrame, specification: ApplicationSpecification) -> pl.DataFrame:
    """Return key and target of the applications that are not left out, in the order of a data set's rows."""
    column, level = specification.dropped
    kept = applications.filter(pl.col(column).cast(pl.String).ne_missing(level))
    return kept.select(pl.col(CLIENT_KEY).cast(pl.Int64), pl.col(TARGET).cast(pl.Int8)).sort(CLIENT_KEY).collect()


def _of_prepared(plan: DatasetPlan, source: PreparedTable, path: Path, most: int) -> Sample:
    _refuse_large([path], _LARGEST_PREPARED, FILE)
    check_header(read_header(path), source)
    cells = read_cells(path)
    identifiers, labels = applicants(cells, source), targets(cells, source)
    order = identifiers.arg_sort().to_numpy()
    train = order[split_rows(labels[order], plan)["train"]]
    chosen = _spread(train, most, plan.seed)
    encoded = encode_table(cells, source, inferred=is_inferred(path), rows=chosen)
    return Sample(encoded.frame.with_columns(labels[chosen]), encoded.features, _used(train, chosen))


def _spread(rows: NDArray[np.intp], most: int, seed: int) -> NDArray[np.intp]:
    start, step = spread(len(rows), most, seed)
    return rows[start::step]


def _used(train: NDArray[np.intp], chosen: NDArray[np.intp]) -> RowsUsed:
    return RowsUsed(len(train), len(chosen), truncated=False)


def _refuse_large(files: Sequence[Path], most: int, field: str) -> None:
    size = sum(file.stat().st_size for file in files)
    if size > most:
        remedy = f"{size} bytes are too many to look through in a call, which takes {most}; make a data set of them"
        raise InvalidInput.of(field, remedy, reason="SOURCE_TOO_LARGE")
