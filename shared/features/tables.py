"""The raw tables as features are built from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from shared.features.levels import Levels
from shared.features.specification import CLIENT_KEY
from shared.tables.text_codes import TextCodes


@dataclass(frozen=True)
class FeatureTables:
    """Tables by name; in those that `codes` names texts are Int16 codes, which it explains once the rows were read."""

    frames: Mapping[str, pl.LazyFrame]
    codes: Mapping[str, Mapping[str, TextCodes]] = field(default_factory=dict)

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
