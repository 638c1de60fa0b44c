"""The compiled library that writes answers and records, and the digests that it borrows."""

import _hashlib
import ctypes
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from shared.compiling import CompiledLibrary

LIBRARY: Final = CompiledLibrary(Path(__file__).with_name("rendering.cpp"), flags=("-O2",))


_DIGESTS: Final = ("SHA256_Init", "SHA256_Update", "SHA256_Final")


class Digests(ctypes.Structure):
    """`Digests` of rendering.cpp."""

    _fields_ = tuple((name, ctypes.c_void_p) for name in _DIGESTS)


class Strings(ctypes.Structure):
    """`Strings` of rendering.cpp."""

    _fields_ = (("from", ctypes.c_void_p), ("lengths", ctypes.c_void_p))


class Compiled:
    """The library with everything that it needs; any number of threads may call it at once."""

    def __init__(self, path: Path, digests: Digests) -> None:
        """Load the library that `LIBRARY` found or built."""
        self._digests = digests
        self.digests = ctypes.addressof(digests)
        library = ctypes.CDLL(str(path))
        self.answers = library.answers
        self.answers.argtypes = [ctypes.c_void_p] * 4
        self.answers.restype = ctypes.c_void_p
        self.records = library.records
        self.records.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_uint64,
            ctypes.c_int64,
            *[ctypes.c_void_p] * 3,
        ]
        self.records.restype = ctypes.c_void_p


def compiled() -> Compiled | None:
    """Return the library; None where it was not compiled, or the interpreter's OpenSSL cannot be shared."""
    path, digests = LIBRARY.find(), find_digests()
    return Compiled(path, digests) if path is not None and digests is not None else None


@cache
def find_digests() -> Digests | None:
    """Return SHA-256 of the OpenSSL that Python's own hashlib uses; None where it is not in a library to look into."""
    openssl = ctypes.CDLL(getattr(_hashlib, "__file__", None))
    try:
        return Digests(*(ctypes.cast(getattr(openssl, name), ctypes.c_void_p) for name in _DIGESTS))
    except AttributeError:
        return None


def strings(texts: Sequence[bytes]) -> tuple[Strings, object]:
    """Return the texts as the library takes them, and what has to live as long as that."""
    pointers = (ctypes.c_char_p * len(texts))(*texts)
    lengths = (ctypes.c_int64 * len(texts))(*map(len, texts))
    return Strings(ctypes.addressof(pointers), ctypes.addressof(lengths)), (pointers, lengths)
