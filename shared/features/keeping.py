"""Where features are kept while others are still being made: in memory, or as `filing` has it in a file."""

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, Final, Protocol

import numpy as np
import polars as pl
from numpy.typing import DTypeLike, NDArray

from shared.features.loops import Floats

# From about here on numpy asks for huge pages, which are slow to come by where memory is in use.
_LARGE_BYTES = 1 << 22

# Variables for a process that builds features. By default Polars' allocator gives memory back soon after its
# last use, just to ask for the next chunk's: that was a tenth of the time. One who sets it otherwise is obeyed.
ENVIRONMENT: Final[Mapping[str, str]] = {"_RJEM_MALLOC_CONF": "dirty_decay_ms:3000,muzzy_decay_ms:3000"}


class Keeper(Protocol):
    """Gives the memory that features are made in, and takes those that are done."""

    def zeros(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array of zeros, to be used until `renew`; any thread may call it."""

    def keep(self, name: str, values: Floats) -> None:
        """Take one feature, NaN = missing; any thread may call it."""

    def renew(self) -> None:
        """Take it that whatever `zeros` has given out is not needed any more, apart from what is kept."""

    def series(self) -> Iterator[pl.Series]:
        """Yield all that is kept as Float64, null = missing, in no order."""


@dataclass(frozen=True)
class InMemory:
    """Keeps the arrays themselves."""

    columns: dict[str, Floats] = field(default_factory=dict)

    def zeros(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return a fresh array."""
        made = empty(shape, dtype)
        # Fresh pages are zero, but come by faster one after another than in the order of the rows.
        made.fill(0)
        return made

    def keep(self, name: str, values: Floats) -> None:
        """Take one feature, whose array is not copied."""
        self.columns[name] = values

    def renew(self) -> None:
        """Do nothing: what is kept may be what was given out."""

    def series(self) -> Iterator[pl.Series]:
        """Yield all that is kept; nothing is copied."""
        for name, values in self.columns.items():
            yield pl.Series(name, values, nan_to_null=True)


def empty(shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return a fresh array with whatever is in it."""
    size = size_of(shape, np.dtype(dtype))
    return np.empty(shape, dtype=dtype) if size <= _LARGE_BYTES else pages(size).view(dtype).reshape(shape)


def size_of(shape: int | tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Return the bytes of an array."""
    return prod(shape if isinstance(shape, tuple) else (shape,)) * dtype.itemsize


def pages(size: int) -> NDArray[np.uint8]:
    """Return memory of the process's own, all zero."""
    return np.frombuffer(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), dtype=np.uint8)
