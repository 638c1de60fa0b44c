"""From a source to the rows of a data set: whatever it is, what follows sees applicants, targets and features."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from services.trainer.adapters.prepared_file import is_inferred, read_cells, read_header, report_of
from services.trainer.adapters.tables_root import locate_file, locate_tables
from services.trainer.domain.barring import without_barred
from services.trainer.domain.dataset import APPLICANT, LABEL
from services.trainer.domain.describing import described
from services.trainer.domain.prepared.features import TABLE as PREPARED
from services.trainer.domain.prepared.features import encode_table
from services.trainer.domain.prepared.header import check_header
from services.trainer.domain.prepared.labels import applicants, targets
from services.trainer.domain.sources import PreparedTable, Source
from shared.bundle.schema import Feature
from shared.digests import digest_of_file
from shared.features.building import fit_features
from shared.features.columns import feature_columns
from shared.features.filing import InFile
from shared.features.levels import Levels
from shared.features.sets import SPECIFICATIONS
from shared.features.specification import CLIENT_KEY, TARGET, FeatureSpecification
from shared.features.tables import FeatureTables
from shared.tables.reading import TableReport
from shared.tables.sources import find_source
from shared.tables.streaming import stream_tables

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class SourceRows:
    """The applicants of a source, one row each.

    `frame` holds `applicant_id` (text), `target` (1 = default, null: no label) and the `features` as Float64 in their
    order, missing values null, none infinite; those of the eight tables are views of a file, not in memory. `dropped`
    applications are those that the feature rules leave out.
    """

    frame: pl.DataFrame
    features: tuple[Feature, ...]
    levels: Levels
    reports: tuple[TableReport, ...]
    dropped: int = 0

    def without(self, barred_columns: Sequence[str]) -> "SourceRows":
        """Return the rows without any feature that one of the raw columns has a part in.

        Raises InvalidInput (COLUMN_MISSING) for a column that has a part in none, which may be a misspelt one, and
        NO_FEATURE if none is left.
        """
        frame, features = without_barred(self.frame, self.features, barred_columns)
        return replace(self, frame=frame, features=features)


def read_rows(source: Source, tables_root: Path, report: Progress) -> SourceRows:
    """Return the rows of a source below the tables root; raises InvalidInput where it cannot be used."""
    # Looked up again: what the request named may have become a link to elsewhere.
    if isinstance(source, PreparedTable):
        return _prepared(source, locate_file(tables_root, source.path), report)
    directory = locate_tables(tables_root, source.directory)
    return _home_credit(directory, SPECIFICATIONS[source.features], report)


def _home_credit(directory: Path, specification: FeatureSpecification, report: Progress) -> SourceRows:
    report(0.05, "reading the tables")
    tables = stream_tables(directory)
    report(0.2, "building features")
    levels, table = fit_features(FeatureTables(tables.frames, tables.codes), specification, keeper=InFile())
    features = described_columns(levels, specification)
    applicant, label = pl.col(CLIENT_KEY).cast(pl.String).alias(APPLICANT), pl.col(TARGET).alias(LABEL)
    frame = table.frame.select(applicant, label, *(feature.name for feature in features))
    report(0.5, "digesting the tables")
    return SourceRows(frame, features, levels, _with_digests(tables.reports(), directory), table.dropped)


def described_columns(levels: Levels, specification: FeatureSpecification) -> tuple[Feature, ...]:
    """Return the features of a data set of Home Credit tables with these levels."""
    return tuple(described(column) for column in feature_columns(levels, specification))


def _with_digests(reports: Sequence[TableReport], directory: Path) -> tuple[TableReport, ...]:
    """Return the reports with the digest of each table's file, which proves later what the data set was made of."""
    files = [(report, find_source(directory, report.table)) for report in reports]
    return tuple(
        report if file is None else replace(report, digest=digest_of_file(file.path)) for report, file in files
    )


def _prepared(source: PreparedTable, path: Path, report: Progress) -> SourceRows:
    report(0.05, "reading the table")
    check_header(read_header(path), source)
    cells = read_cells(path)
    labelled = [applicants(cells, source), targets(cells, source)]
    report(0.25, "building features")
    encoded = encode_table(cells, source, inferred=is_inferred(path))
    # Sorted, so that the order of the rows in the file decides nothing.
    frame = pl.DataFrame([*labelled, *encoded.frame.get_columns()]).sort(APPLICANT)
    return SourceRows(frame, encoded.features, Levels({PREPARED: encoded.levels}), (_prepared_report(path, cells),))


def _prepared_report(path: Path, cells: pl.DataFrame) -> TableReport:
    return replace(report_of(path, cells), digest=digest_of_file(path))
