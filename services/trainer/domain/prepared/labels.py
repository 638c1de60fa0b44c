"""Who the rows of a prepared table are about, and who of them defaulted."""

from collections.abc import Iterator
from typing import Final

import polars as pl

from services.trainer.domain.dataset import APPLICANT, LABEL
from services.trainer.domain.prepared.cells import typed
from services.trainer.domain.prepared.refusals import ID, POSITIVE, TARGET, Problem, refuse
from services.trainer.domain.sources import PreparedTable
from shared.errors import InvalidInput

LONGEST_IDENTIFIER: Final = 128
_CLASSES: Final = 2


def applicants(table: pl.DataFrame, source: PreparedTable) -> pl.Series:
    """Return the identifiers as text, shape (n_rows,).

    Raises InvalidInput with KEY_MISSING, KEY_TOO_LONG or DUPLICATE_KEY, and how many rows are wrong.
    """
    identifiers = table[source.id_column].cast(pl.String).alias(APPLICANT)
    refuse(_identifier_problems(identifiers))
    return identifiers


def targets(table: pl.DataFrame, source: PreparedTable) -> pl.Series:
    """Return 1 for default, 0 for none and null where it is not known, as Int8, shape (n_rows,).

    Raises InvalidInput with TARGET_INVALID, or ONE_CLASS_TARGET where the known rows are all of one class.
    """
    values = typed(table[source.target_column], inferred=True)
    defaulted = _named_class(values, source.positive) if source.positive else _zero_or_one(values)
    if defaulted.drop_nulls().n_unique() < _CLASSES:
        remedy = "all labelled rows are of one class, so nothing can be told apart; supply rows of both"
        raise InvalidInput.of(TARGET, remedy, reason="ONE_CLASS_TARGET")
    return defaulted.cast(pl.Int8).alias(LABEL)


def _identifier_problems(identifiers: pl.Series) -> Iterator[Problem]:
    missing = int((identifiers.str.strip_chars().fill_null("") == "").sum())
    if missing:
        yield Problem("KEY_MISSING", ID, f"{missing} row(s) lack the identifier; every row needs one")
    long = int((identifiers.str.len_chars() > LONGEST_IDENTIFIER).sum())
    if long:
        remedy = f"{long} row(s) have an identifier of more than {LONGEST_IDENTIFIER} characters; shorten it"
        yield Problem("KEY_TOO_LONG", ID, remedy)
    repeated = len(identifiers) - identifiers.n_unique()
    if repeated and not missing:
        yield Problem(
            "DUPLICATE_KEY", ID, f"{repeated} row(s) repeat an identifier of another row; keep one row of each"
        )


def _zero_or_one(values: pl.Series) -> pl.Series:
    if values.dtype != pl.String and values.drop_nulls().cast(pl.Float64).is_in([0.0, 1.0]).all():
        return values.cast(pl.Float64) == 1.0
    remedy = "holds something else than 0 and 1; say in prepared.positive which of its two values means default"
    raise InvalidInput.of(TARGET, remedy, reason="TARGET_INVALID")


def _named_class(values: pl.Series, positive: str) -> pl.Series:
    different = values.drop_nulls().n_unique()
    if different > _CLASSES:
        remedy = f"holds {different} different values; it may hold two, and nothing where the outcome is not known"
        raise InvalidInput.of(TARGET, remedy, reason="TARGET_INVALID")
    defaulted = _equal(values, positive)
    if different == _CLASSES and not defaulted.any():
        remedy = "is none of the target's two values; write it as the table does"
        raise InvalidInput.of(POSITIVE, remedy, reason="TARGET_INVALID")
    return defaulted


def _equal(values: pl.Series, positive: str) -> pl.Series:
    """Return where the values, null if missing, are the one that is written as `positive`."""
    if values.dtype == pl.String:
        return values == positive
    wanted = typed(pl.Series("positive", [positive]), inferred=True)
    equal = pl.lit(wanted).eq(values) if wanted.dtype == values.dtype else pl.lit(value=False)
    return pl.select(pl.when(values.is_not_null()).then(equal)).to_series()
