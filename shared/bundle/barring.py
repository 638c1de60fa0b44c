"""Raw columns that must not be used: which features are made of them."""

from collections.abc import Collection, Iterable

from shared.bundle.schema import Feature

_MAIN_TABLES = ("application", "prepared")


def made_of(feature: Feature, column: str) -> bool:
    """Return whether the raw column has any part in the feature.

    It is named `TABLE.COLUMN`, or `COLUMN` alone if it is one of the application or the prepared table.
    """
    return column in feature.sources or any(f"{table}.{column}" in feature.sources for table in _MAIN_TABLES)


def barred_features(features: Iterable[Feature], columns: Collection[str]) -> list[str]:
    """Return the names of the features that any of the columns has a part in."""
    return [feature.name for feature in features if any(made_of(feature, column) for column in columns)]
