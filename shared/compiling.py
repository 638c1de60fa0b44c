"""C++ sources of this repository as shared libraries.

They are compiled once, by `make install` or in the image, never while serving. Where that was not done, whoever has a
use for one does the same in Python.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from shared.errors import Precondition

_FLAGS: Final = ("-std=c++17", "-fPIC", "-shared", "-Wall", "-Wextra")


class CompiledLibrary:
    """The library of one source, in a folder `compiled` beside it.

    `included` are the files that it includes, `flags` those that it needs beyond C++17.
    """

    def __init__(self, source: Path, *, included: Sequence[Path] = (), flags: Sequence[str] = ()) -> None:
        self._source = source
        self._included = included
        self._flags = (*_FLAGS, *flags)
        self._folder = source.with_name("compiled")

    def path(self, folder: Path | None = None) -> Path:
        """Return where the library of this very source, these flags and this kind of machine lies, or would lie."""
        settings = " ".join((*self._flags, platform.system(), platform.machine()))
        content = b"".join(each.read_bytes() for each in (self._source, *self._included)) + settings.encode()
        return (folder or self._folder) / f"{self._source.stem}-{hashlib.sha256(content).hexdigest()[:16]}.so"

    def find(self, folder: Path | None = None) -> Path | None:
        """Return the compiled library, None if it was not built."""
        path = self.path(folder)
        return path if path.exists() else None

    def build(self, folder: Path | None = None) -> Path:
        """Return the library, compiled if it was not; several processes may do so at once.

        Raises Precondition: NO_COMPILER without a C++ compiler (`c++`, or what CXX names), COMPILER_FAILED with its
        words.
        """
        path = self.path(folder)
        if path.exists():
            return path
        compiler = shutil.which(os.environ.get("CXX", "c++"))
        if compiler is None:
            raise Precondition("there is no C++ compiler; install g++, or name one by CXX", reason="NO_COMPILER")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as room:
            made = Path(room) / path.name
            command = [compiler, *self._flags, "-o", str(made), str(self._source)]
            outcome = subprocess.run(command, capture_output=True, text=True, check=False)
            if outcome.returncode != 0:
                raise Precondition(f"{compiler} failed: {outcome.stderr.strip()[-500:]}", reason="COMPILER_FAILED")
            made.replace(path)
        return path


def install(library: CompiledLibrary, *, otherwise: str) -> int:
    """Build the library and return the exit code of the program that does so: 1 if the compiler fails.

    Without a compiler it is 0, and `otherwise` is said, what follows from that.
    """
    try:
        library.build()
    except Precondition as error:
        sys.stderr.write(f"{otherwise}: {error.message}\n")
        return int(error.reason != "NO_COMPILER")
    return 0
