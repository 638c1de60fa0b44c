"""Memory that is used again and again, since fresh pages cost several times what is written into them."""

import mmap
import weakref

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


class Memory:
    """Gives out arrays of bytes, each to be used again once nothing refers to it; any thread may ask."""

    def __init__(self) -> None:
        self._spare: list[Bytes] = []

    def take(self, size: int) -> Bytes:
        """Return an array of at least so many bytes, which hold anything."""
        whole = self._found(size)
        taken = whole[:]
        # An array of its own, whose end is told; what is cut from it has to hold on to it by itself, as Arrow does.
        weakref.finalize(taken, self._spare.append, whole)
        return taken

    def _found(self, size: int) -> Bytes:
        try:
            whole = self._spare.pop()
        except IndexError:
            return _pages(size)
        return whole if len(whole) >= size else _pages(size)


def _pages(size: int) -> Bytes:
    """Return memory, with some room to spare, that goes back to the system with its array; malloc would keep it."""
    pages = mmap.mmap(-1, size + size // 4 + 1, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(pages, dtype=np.uint8)
