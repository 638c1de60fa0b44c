"""What the names and stored types of a prepared table's columns already rule out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from services.trainer.domain.prepared.cells import is_identifier, kind_of
from services.trainer.domain.prepared.refusals import ID, PATH, TARGET, Problem, column_field, refuse
from services.trainer.domain.sources import PreparedTable, keyed

LONGEST_COLUMN_NAME: Final = 100

Header = Sequence[tuple[str, pl.DataType]]
"""Names and stored types of the columns, in the table's order; those of a CSV file are all text."""


def check_header(header: Header, table: PreparedTable) -> None:
    """Raise InvalidInput if the table cannot be used, whatever its rows hold.

    Its reason is COLUMN_NAME, COLUMN_MISSING, NO_FEATURE or COLUMN_TYPE; the violations name every such column.
    """
    refuse([*_names(header), *_absent(header, table), *_types(header, table)])


def feature_names(header: Header, table: PreparedTable) -> list[str]:
    """Return the names of the columns that are features, in the table's order."""
    return [name for name, _ in header if name not in (table.id_column, table.target_column)]


def _names(header: Header) -> Iterator[Problem]:
    for place, (name, _) in enumerate(header):
        if not name.strip():
            yield Problem("COLUMN_NAME", PATH, f"column {place + 1} has no name; give every column one")
        elif len(name) > LONGEST_COLUMN_NAME or not name.isprintable():
            remedy = f"rename the column: at most {LONGEST_COLUMN_NAME} characters, all of them printable"
            yield Problem("COLUMN_NAME", column_field(name), remedy)
    for name, count in Counter(name for name, _ in header).items():
        if count > 1:
            yield Problem("COLUMN_NAME", column_field(name), f"{count} columns have this name; rename all but one")


def _absent(header: Header, table: PreparedTable) -> Iterator[Problem]:
    names, features = {name for name, _ in header}, set(feature_names(header, table))
    for field, name in ((ID, table.id_column), (TARGET, table.target_column)):
        if name not in names:
            remedy = "the table has no such column; name one of its header (a CSV file is separated by commas)"
            yield Problem("COLUMN_MISSING", field, remedy)
    if not features:
        yield Problem("NO_FEATURE", PATH, "the table has no column beside identifier and target; add features")
    for field, named in (("prepared.reason_texts", table.reason_texts), ("prepared.bounds", table.bounds)):
        for name in named:
            if name not in features:
                yield Problem("COLUMN_MISSING", keyed(field, name), "the table has no feature column of this name")


def _types(header: Header, table: PreparedTable) -> Iterator[Problem]:
    for name, dtype in header:
        if name == table.id_column:
            if not is_identifier(dtype):
                yield Problem("COLUMN_TYPE", ID, f"{_stores(dtype)}; identifiers are text or whole numbers")
        elif kind_of(dtype) is None:
            remedy = "give numbers, booleans or text; of a date the number of days before the application, for example"
            field = TARGET if name == table.target_column else column_field(name)
            yield Problem("COLUMN_TYPE", field, f"{_stores(dtype)}; {remedy}")
        elif name in table.bounds and kind_of(dtype) == "boolean":
            yield Problem(
                "COLUMN_TYPE", keyed("prepared.bounds", name), "is a column of booleans; only numbers have bounds"
            )


def _stores(dtype: pl.DataType) -> str:
    return f"stores values of type {dtype.base_type().__name__}"
