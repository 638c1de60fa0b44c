"""Raw columns that must not be used: which features are made of them."""

from collections.abc import Collection, Iterable

from shared.bundle.schema import Feature

_MAIN_TABLES = ("application", "prepared")


def has_part(column: str, sources: Collection[str]) -> bool:
    """Return whether the raw column is among what a feature is made of.

    It is named `TABLE.COLUMN`, or `COLUMN` alone if it is one of the application or the prepared table.
    """
    return column in sources or any(f"{table}.{column}" in sources for table in _MAIN_TABLES)


def barred_features(features: Iterable[Feature], columns: Collection[str]) -> list[str]:
    """Return the names of the features that any of the columns has a part in."""
    return [feature.name for feature in features if any(has_part(column, feature.sources) for column in columns)]
