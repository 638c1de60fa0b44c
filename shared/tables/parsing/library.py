"""The compiled parser of CSV files."""

import ctypes
from functools import cache
from pathlib import Path
from typing import Final

from shared.compiling import CompiledLibrary

_SOURCE: Final = Path(__file__).with_name("parser.cpp")
_INCLUDED: Final = [_SOURCE.with_name(f"{topic}.hpp") for topic in ("ends", "numbers", "texts")]

# GCC takes what its own header of AVX-512 leaves undefined on purpose for a mistake.
LIBRARY: Final = CompiledLibrary(_SOURCE, included=_INCLUDED, flags=("-O3", "-Wno-maybe-uninitialized"))


class Compiled:
    """The functions of the library; any number of threads may call them at once."""

    def __init__(self, library: ctypes.CDLL) -> None:
        """Take what `LIBRARY` found or built, loaded."""
        address, count = ctypes.c_void_p, ctypes.c_int64
        self.count_rows = library.count_rows
        self.count_rows.argtypes, self.count_rows.restype = [address, count, address], count
        self.parse = library.parse
        self.parse.argtypes = [address, address]
        self.recode = library.recode
        self.recode.argtypes, self.recode.restype = [address, count, address], None


@cache
def compiled() -> Compiled | None:
    """Return the parser; None where it was not compiled, or the machine lacks what it takes."""
    return loaded(LIBRARY)


def loaded(parser: CompiledLibrary) -> Compiled | None:
    """Return what `compiled` does of one library, loaded anew."""
    path = parser.find()
    library = None if path is None else ctypes.CDLL(str(path))
    return Compiled(library) if library is not None and library.is_able() else None
