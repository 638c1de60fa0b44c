"""A look at who defaulted before anything else is read: what no data set can be made of is told at once."""

from pathlib import Path
from typing import Final

import polars as pl

from services.trainer.adapters.prepared_file import read_header, read_target
from services.trainer.adapters.raw_tables import scan
from services.trainer.adapters.tables_root import locate_file, locate_tables
from services.trainer.domain.dataset import LABEL
from services.trainer.domain.prepared.header import check_header
from services.trainer.domain.prepared.labels import targets
from services.trainer.domain.sources import PreparedTable, Source
from shared.features.sets import SPECIFICATIONS
from shared.features.specification import TARGET, FeatureSpecification
from shared.tables.reading import absent
from shared.tables.schema import TABLES
from shared.tables.sources import find_source, readable, scan_stored

_LABELLED: Final = "application_train"
_ANY_ROWS: Final = 1 << 40


def read_labels(source: Source, tables_root: Path) -> pl.Series:
    """Return 1 for default, 0 for none and null where it is not known, in the order of the file.

    Raises InvalidInput where headers or targets alone show that the source cannot be used. A target of the eight tables
    that is neither 0 nor 1 is null here: who reads all rows tells how many there are.
    """
    if isinstance(source, PreparedTable):
        path = locate_file(tables_root, source.path)
        check_header(read_header(path), source)
        return targets(read_target(path, source.target_column), source)
    return _labels(locate_tables(tables_root, source.directory), SPECIFICATIONS[source.features])


def _labels(directory: Path, specification: FeatureSpecification) -> pl.Series:
    files = {}
    for schema in TABLES.values():
        file = find_source(directory, schema.name)
        if file is None:
            absent(schema)
        else:
            scan_stored(file, schema)
            files[schema.name] = file
    column, level = specification.application.dropped
    target = pl.col(TARGET).cast(pl.Float64, strict=False)
    known = pl.when(target.is_in([0.0, 1.0])).then(target).cast(pl.Int8).alias(LABEL)
    # All rows, as they are stored: a CSV file's other columns are not even parsed.
    kept = scan(files[_LABELLED], rows=_ANY_ROWS).filter(pl.col(column).cast(pl.String).ne_missing(level))
    with readable(_LABELLED):
        return kept.select(known).collect(engine="streaming").to_series()
