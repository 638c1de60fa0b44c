"""Raw columns that must not be used: which features are made of them."""

from collections.abc import Collection, Iterable

from shared.bundle.schema import Feature

_MAIN_TABLES = ("application", "prepared")


def source_names(columns: Collection[str]) -> frozenset[str]:
    """Return what raw columns may be called among what features are made of.

    One is named `TABLE.COLUMN`, or `COLUMN` alone if it is one of the application or the prepared table.
    """
    return frozenset(columns).union(f"{table}.{column}" for table in _MAIN_TABLES for column in columns)


def barred_features(features: Iterable[Feature], columns: Collection[str]) -> list[str]:
    """Return the names of the features that any of the columns has a part in."""
    barred = source_names(columns)
    return [feature.name for feature in features if not barred.isdisjoint(feature.sources)]
