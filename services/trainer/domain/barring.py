"""Raw columns that are barred from any part in a data set: refused where they are none, or where nothing is left."""

from collections.abc import Collection, Sequence
from itertools import chain
from typing import Final

import polars as pl

from services.trainer.domain.prepared.refusals import Problem, refuse
from shared.bundle.barring import barred_features, source_names
from shared.bundle.schema import Feature
from shared.errors import InvalidInput

_FIELD: Final = "barred_columns"


def refuse_barred(barred: Sequence[str], features: Sequence[Collection[str]]) -> None:
    """Raise InvalidInput for barred columns, where each feature is made of such raw columns (`TABLE.COLUMN`).

    Its reason is COLUMN_MISSING for a column that has a part in none, which may be a misspelt one, and NO_FEATURE if
    no feature is left.
    """
    used = frozenset(chain.from_iterable(features))
    remedy = "no feature is made of such a column; correct its name"
    refuse(
        (
            Problem("COLUMN_MISSING", f"{_FIELD}[{place}]", remedy)
            for place, column in enumerate(barred)
            if used.isdisjoint(source_names([column]))
        ),
        field=_FIELD,
    )
    names = source_names(barred)
    if all(not names.isdisjoint(sources) for sources in features):
        raise InvalidInput.of(_FIELD, "leave no feature; name fewer", reason="NO_FEATURE")


def without_barred(
    frame: pl.DataFrame, features: Sequence[Feature], barred: Sequence[str]
) -> tuple[pl.DataFrame, tuple[Feature, ...]]:
    """Return rows and their features without those that a barred raw column has a part in; raises as above."""
    refuse_barred(barred, [feature.sources for feature in features])
    gone = frozenset(barred_features(features, barred))
    return frame.drop(*gone), tuple(feature for feature in features if feature.name not in gone)
