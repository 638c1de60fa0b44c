"""Looking at raw tables and at splits of data sets, a few callers at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from services.trainer.adapters.raw_tables import open_table, readable_table
from services.trainer.adapters.stored_splits import open_split
from services.trainer.adapters.tables_listing import list_tables
from services.trainer.domain.cleaning import CleaningRecord, to_values
from services.trainer.domain.cleaning_rules import try_cleaning
from services.trainer.domain.correlation import strongest_correlations
from services.trainer.domain.dataset import APPLICANT, LABEL, DatasetPlan, check_dataset_plan, option_violations
from services.trainer.domain.description import Description, describe_column
from services.trainer.domain.inspection import (
    MOST_ANALYSED_CELLS,
    MOST_DESCRIBED_ROWS,
    CorrelationQuery,
    Correlations,
    DescriptionQuery,
    Place,
    PreviewQuery,
    SampleQuery,
    SplitOf,
    TableAt,
    check_size,
)
from services.trainer.domain.rows import (
    Looked,
    Rows,
    RowsUsed,
    chosen_columns,
    first_rows,
    random_rows,
    spread_rows,
    unknown_column,
)
from services.trainer.domain.tables import ListedTable
from services.trainer.finished import finished_dataset
from services.trainer.source_samples import sample_train_split
from shared.bundle.dataset import DatasetReference
from shared.errors import InvalidInput
from shared.jobs.store import JobStore
from shared.turns import Turns


@dataclass(frozen=True)
class Inspector:
    """Answers what callers ask of data; `fetch_split` gives the checked file of a split.

    Each answer takes one of the `turns`. Every method raises InvalidInput about the field that is wrong, and for splits
    what `finished_dataset` and `fetch_split` raise.
    """

    store: JobStore
    tables_root: Path
    fetch_split: Callable[[DatasetReference, str], Path]
    turns: Turns

    def tables(self, directory: str) -> tuple[list[ListedTable], list[str]]:
        """Return the tables of a folder and the names of the folders in it."""
        with self.turns.turn():
            return list_tables(self.tables_root, directory)

    def sample_table(self, path: str, query: SampleQuery) -> Looked:
        """Return rows of a table, one column for each that was asked for."""
        with self.turns.turn(), self._opened(TableAt(path)) as rows:
            columns = chosen_columns(rows, query.columns, field="columns")
            check_size(query.rows, len(columns))
            return _sample(rows, columns, query)

    def sample_split(self, place: SplitOf, query: SampleQuery) -> Looked:
        """Return rows of a split: `applicant_id`, `target`, and one column for each feature that was asked for."""
        with self.turns.turn(), self._opened(place) as rows:
            features = replace(rows, columns=tuple(name for name in rows.columns if name != LABEL))
            columns = chosen_columns(features, query.columns, field="columns")
            check_size(query.rows, len(columns))
            return _sample(rows, (APPLICANT, LABEL, *columns), query)

    def describe(self, query: DescriptionQuery) -> tuple[Description, RowsUsed]:
        """Return what a column holds, and how many rows that was read off."""
        with self.turns.turn(), self._opened(query.place) as rows:
            if query.column not in rows.columns:
                raise unknown_column("column")
            looked = spread_rows(rows, [query.column], MOST_DESCRIBED_ROWS, query.seed)
            column = looked.frame[query.column]
            return describe_column(column, bins=query.bins, levels=query.levels), looked.used

    def correlate(self, query: CorrelationQuery) -> Correlations:
        """Return the strongest correlations between the numeric columns of a table or split."""
        with self.turns.turn(), self._opened(query.place) as rows:
            looked = spread_rows(rows, rows.columns, max(query.least_rows, _most_rows(rows)), query.seed)
            numeric = tuple(name for name, dtype in looked.frame.schema.items() if dtype.is_numeric())
            place = _place_of(query.column, rows, numeric) if query.column else None
            values = to_values(looked.frame, numeric)
            values[~np.isfinite(values)] = np.nan
            found = strongest_correlations(values, most=query.pairs, least_rows=query.least_rows, place=place)
            return Correlations(numeric, tuple(found), looked.used)

    def preview(self, query: PreviewQuery) -> tuple[CleaningRecord, RowsUsed]:
        """Return the record that the options would give on the train split, and how many rows that was read off."""
        violations = option_violations(query.options)
        if violations:
            raise InvalidInput(violations)
        columns = finished_dataset(self.store, query.dataset).result.columns
        with self.turns.turn(), self._opened(SplitOf(query.dataset, "train")) as rows:
            looked = spread_rows(rows, rows.columns, _most_rows(rows), query.seed)
            record = try_cleaning(
                looked.frame,
                [fate.column for fate in columns],
                query.options,
                targets=looked.frame[LABEL].to_numpy().astype(np.int8),
                variables={fate.column: fate.variable for fate in columns if fate.variable},
            )
            return record, looked.used

    def preview_plan(self, plan: DatasetPlan) -> tuple[CleaningRecord, RowsUsed]:
        """Return the record that a data set of this plan would have, and how many rows that was read off."""
        check_dataset_plan(plan)
        with self.turns.turn():
            sample = sample_train_split(plan, self.tables_root)
            record = try_cleaning(
                sample.frame,
                [feature.name for feature in sample.features],
                plan.cleaning,
                targets=sample.frame[LABEL].to_numpy().astype(np.int8),
                variables={feature.name: feature.group for feature in sample.features if feature.group},
            )
            return record, sample.used

    @contextmanager
    def _opened(self, place: Place) -> Iterator[Rows]:
        if isinstance(place, TableAt):
            with readable_table():
                yield open_table(self.tables_root, place.path)
        else:
            dataset = finished_dataset(self.store, place.dataset)
            yield open_split(self.fetch_split(dataset.reference, place.split))


def _sample(rows: Rows, columns: tuple[str, ...], query: SampleQuery) -> Looked:
    if query.random:
        return random_rows(rows, columns, query.rows, query.seed)
    return first_rows(rows, columns, query.rows)


def _most_rows(rows: Rows) -> int:
    return max(1, MOST_ANALYSED_CELLS // max(1, len(rows.columns)))


def _place_of(column: str, rows: Rows, numeric: tuple[str, ...]) -> int:
    if column not in rows.columns:
        raise unknown_column("column")
    if column not in numeric:
        raise InvalidInput.of("column", "holds text; name a numeric column", reason="COLUMN_NOT_NUMERIC")
    return numeric.index(column)
