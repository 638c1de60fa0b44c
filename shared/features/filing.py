"""The features of all clients in a file, so that memory holds those in the making alone."""

import mmap
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import IO, Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from shared.features.keeping import pages, size_of
from shared.features.loops import Floats
from shared.files import write_at

_BLOCK_BYTES = 1 << 26
# Of what is written at once the system makes its cache's pages in runs. Runs of up to this size it has at hand; longer
# ones it takes from memory that nobody has used for long, which a virtual machine must be given first: thrice the time.
_PIECE_BYTES = 1 << 19
# Arrow's buffers begin at multiples of this.
_ALIGNMENT = 64


class InFile:
    """Writes each feature into a file that has no name and is gone with the last series that is read from it.

    There are as many files as threads that write at once, since a file takes one writer at a time.

    Memory then holds what is in the making, not what is done. Series are views of the mapped file: pages that were read
    are the system's to drop. The memory that `zeros` gives is used again and again, since fresh pages cost more time
    than what is computed in them.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Make the files in a folder, by default the one for temporary files."""
        self._folder = folder
        self._files: list[_File] = []
        self._idle: list[_File] = []
        self._places: dict[str, tuple[_File, int, int]] = {}
        self._lock = Lock()
        self._arena = _Arena()

    def zeros(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array in memory that is used once more after `renew`."""
        with self._lock:
            cut = self._arena.cut(size_of(shape, np.dtype(dtype)))
        # Also of fresh pages, which are zero: see InMemory.
        cut.fill(0)
        return cut.view(dtype).reshape(shape)

    def keep(self, name: str, values: Floats) -> None:
        """Write one feature, contiguous in memory: its values, then one bit for each of them that is there."""
        present = np.packbits(~np.isnan(values), bitorder="little")
        with self._lock:
            file = self._idle.pop() if self._idle else self._opened()
        begin = file.append(values)
        file.append(present)
        with self._lock:
            self._idle.append(file)
        self._places[name] = (file, begin, len(values))

    def renew(self) -> None:
        """Let the memory be used again."""
        self._arena.renew()

    def series(self) -> Iterator[pl.Series]:
        """Yield all that is kept, as views of the files."""
        mapped = {file: file.mapped() for file in self._files}
        for name, (file, begin, count) in self._places.items():
            values = mapped[file].slice(begin, 8 * count)
            present = mapped[file].slice(begin + _aligned(8 * count), (count + 7) // 8)
            yield pl.Series(name, pa.Array.from_buffers(pa.float64(), count, [present, values]))

    def _opened(self) -> "_File":
        file = _File(self._folder)
        self._files.append(file)
        return file


class _File:
    """A file without a name that arrays are appended to, by one thread at a time."""

    def __init__(self, folder: Path | None) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed with this object
        weakref.finalize(self, self._file.close)
        self._end = 0

    def append(self, values: NDArray[Any]) -> int:
        """Write an array, contiguous in memory, and return where it begins."""
        begin = self._end
        _write(self._file.fileno(), values, begin)
        self._end = begin + _aligned(values.nbytes)
        return begin

    def mapped(self) -> pa.Buffer:
        """Return all that was written."""
        self._file.truncate(self._end)
        return pa.py_buffer(mmap.mmap(self._file.fileno(), self._end, access=mmap.ACCESS_READ))


class _Arena:
    """Blocks of memory out of which arrays are cut one after another, until it begins anew."""

    def __init__(self) -> None:
        self._blocks: list[NDArray[np.uint8]] = []
        self._block = 0
        self._used = 0

    def cut(self, size: int) -> NDArray[np.uint8]:
        """Return memory with whatever is in it."""
        while not self._fits(size):
            self._block, self._used = self._block + 1, 0
        cut = self._blocks[self._block][self._used : self._used + size]
        self._used += _aligned(size)
        return cut

    def renew(self) -> None:
        self._block = self._used = 0

    def _fits(self, size: int) -> bool:
        """Return whether the block at hand has that much left; one past the last is made as large as it must be."""
        if self._block == len(self._blocks):
            self._blocks.append(pages(max(size, _BLOCK_BYTES)))
        return self._used + size <= len(self._blocks[self._block])


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _write(descriptor: int, values: NDArray[Any], begin: int) -> None:
    write_at(descriptor, values.view(np.uint8).data, begin, most_at_once=_PIECE_BYTES)
