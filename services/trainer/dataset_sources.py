"""From a source to the rows of a data set: whatever it is, what follows sees applicants, targets and features."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from services.trainer.adapters.tables_root import locate_tables
from services.trainer.domain.dataset import APPLICANT, LABEL
from services.trainer.domain.describing import described
from services.trainer.domain.sources import Source
from shared.bundle.schema import Feature
from shared.features.building import build_features
from shared.features.columns import feature_columns
from shared.features.levels import Levels, fit_levels
from shared.features.specification import CLIENT_KEY, TARGET
from shared.tables.reading import TableReport, open_tables

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class SourceRows:
    """The applicants of a source, one row each.

    `frame` holds `applicant_id` (text), `target` (1 = default, null: no label) and the `features` as Float64 in their
    order, missing values null, none infinite. `dropped` applications are those that the feature rules leave out.
    """

    frame: pl.DataFrame
    features: tuple[Feature, ...]
    levels: Levels
    reports: tuple[TableReport, ...]
    dropped: int = 0


def read_rows(source: Source, tables_root: Path, report: Progress) -> SourceRows:
    """Return the rows of a source below the tables root; raises InvalidInput where it cannot be used."""
    report(0.05, "reading the tables")
    # Looked up again: what the request named may have become a link to elsewhere.
    tables = open_tables(locate_tables(tables_root, source.directory))
    report(0.2, "fixing the levels of text columns")
    levels = fit_levels(tables.frames)
    report(0.25, "building features")
    table = build_features(tables.frames, levels)
    features = tuple(described(column) for column in feature_columns(levels))
    applicant, label = pl.col(CLIENT_KEY).cast(pl.String).alias(APPLICANT), pl.col(TARGET).alias(LABEL)
    frame = table.frame.select(applicant, label, *(feature.name for feature in features))
    return SourceRows(frame, features, levels, tables.reports, table.dropped)
