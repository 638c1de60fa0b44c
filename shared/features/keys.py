"""Where in the result a key's row is: keys become places, so that what is kept of a group is an array's element."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from shared.features.loops import Places, look_up
from shared.tables.distinct import distinct

# A direct table of places may be so much larger than the number of keys; beyond, keys are searched by halves.
_SPARSEST = 64
_NOWHERE = -1
_NO_KEY = np.iinfo(np.int64).min


@dataclass(frozen=True)
class KeyIndex:
    """The distinct keys in ascending order, and from the first to the last key the place of each number among them."""

    keys: NDArray[np.int64]
    table: Places | None

    @classmethod
    def of(cls, keys: pl.Series) -> "KeyIndex":
        """Return the index of the distinct keys of an Int64 column; a missing one is no key."""
        there = distinct(keys)
        span = int(there[-1]) - int(there[0]) + 1 if len(there) else 0
        if span > _SPARSEST * len(there):
            return cls(there, None)
        table = np.full(span, _NOWHERE, dtype=np.int32)
        if len(there):
            table[there - there[0]] = np.arange(len(there), dtype=np.int32)
        return cls(there, table)

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self.keys)

    def places(self, keys: pl.Series) -> Places:
        """Return each key's place, -1 for one that is missing or not there."""
        wanted = (keys.fill_null(_NO_KEY) if keys.null_count() else keys).to_numpy()
        if self.table is None:
            found = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
            return np.where(self.keys[found] == wanted, found, _NOWHERE).astype(np.int32)
        places = np.empty(len(wanted), dtype=np.int32)
        look_up(wanted, int(self.keys[0]) if len(self.keys) else 0, self.table, places)
        return places
