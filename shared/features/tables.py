"""The raw tables as features are built from them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from shared.features.levels import Levels
from shared.features.preparation import MISSING_CODE
from shared.features.specification import CLIENT_KEY, FeatureSpecification, HistorySpecification
from shared.tables.text_codes import TextCodes


@dataclass(frozen=True)
class FeatureTables:
    """Tables by name; in those that `codes` names texts are Int16 codes, which it explains once the rows were read."""

    frames: Mapping[str, pl.LazyFrame]
    codes: Mapping[str, Mapping[str, TextCodes]] = field(default_factory=dict)

    def with_codes(self, specification: FeatureSpecification) -> "FeatureTables":
        """Return history tables whose texts are all stored as an Enum with Int16 codes in their place."""
        frames, codes = dict(self.frames), dict(self.codes)
        for history in _histories(specification):
            if history.table in frames and history.table not in codes:
                stored = _categories_of_enums(frames[history.table], history.categories)
                if stored.keys() == set(history.categories):
                    frames[history.table] = frames[history.table].with_columns(_code(column) for column in stored)
                    codes[history.table] = {c: TextCodes.of(categories) for c, categories in stored.items()}
        return FeatureTables(frames, codes)

    def known(self, table: str, levels: Levels) -> bool:
        """Return whether the table is there and has levels, or will have them."""
        return table in self.frames and (table in levels.tables or table in self.codes)

    def of_clients(self, clients: pl.Series) -> "FeatureTables":
        """Return the rows of these clients (Int64); a table that is keyed otherwise keeps all of its rows."""
        theirs = pl.col(CLIENT_KEY).is_in(clients.implode())
        frames = {
            name: frame.filter(theirs) if CLIENT_KEY in frame.collect_schema() else frame
            for name, frame in self.frames.items()
        }
        return FeatureTables(frames, self.codes)


def _histories(specification: FeatureSpecification) -> Iterator[HistorySpecification]:
    """Yield the history tables, each followed by the one that is rolled up into it."""
    for history in specification.histories:
        yield history
        if history.rollup is not None:
            yield history.rollup.history


def _categories_of_enums(frame: pl.LazyFrame, columns: Sequence[str]) -> dict[str, pl.Series]:
    """Return the categories of those columns that are stored as an Enum."""
    kinds = frame.collect_schema()
    there = {column: kinds[column] for column in columns if column in kinds}
    return {column: kind.categories for column, kind in there.items() if isinstance(kind, pl.Enum)}


def _code(column: str) -> pl.Expr:
    return pl.col(column).to_physical().cast(pl.Int16).fill_null(MISSING_CODE)
