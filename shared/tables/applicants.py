"""Who the applications of a folder are about."""

from pathlib import Path

import polars as pl

from shared.errors import InvalidInput
from shared.tables.schema import TABLES
from shared.tables.sources import find_source, scan_stored, table_path, typed


def applicant_ids(directory: Path, table: str, *, first: int) -> list[str]:
    """Return the identifiers of the first so many applications of application_train or application_test.

    Applications with CODE_GENDER 'XNA' are left out: no data set holds them. Raises InvalidInput with TABLE_MISSING or
    what else makes the table unreadable.
    """
    source = find_source(directory, table)
    if source is None:
        raise InvalidInput.of(table_path(table), "the folder does not hold it", reason="TABLE_MISSING")
    applications = typed(scan_stored(source, TABLES[table]), TABLES[table])
    kept = applications.filter(pl.col("CODE_GENDER").ne_missing("XNA"))
    return kept.select(pl.col("SK_ID_CURR").cast(pl.String)).head(first).collect().to_series().to_list()
