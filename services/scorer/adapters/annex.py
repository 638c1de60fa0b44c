"""The annex of a spool: files beside its database for parts too large for it, written once and deleted as a whole.

SQLite writes what it commits twice, page by page: the inputs of a chunk, up to 2 MiB, take five times as long there.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from services.scorer.adapters.spool_file import full, sync_directory, translated
from shared.files import write_at

FILE_BYTES: Final = 64 << 20
CACHED_BYTES: Final = 4 << 20
"""So much of the end of a file stays in memory, where what ships it finds it unless the monitor is behind."""
_PREFIX: Final = "annex-"


class Place(NamedTuple):
    """Where a part lies: the number of its file, and its first byte and size there."""

    file: int
    start: int
    size: int


class Annex:
    """The large parts of one spool's records. One thread at a time may use it, though any may read.

    Files are numbered and only grow; what an unsuccessful commit left in one goes with it.
    """

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        """Take over the files of an earlier process; they are never appended to again."""
        self._directory = directory
        self._max_bytes = max_bytes
        self._file_bytes = min(FILE_BYTES, max_bytes // 8)
        paths = directory.glob(f"{_PREFIX}*")
        self._sizes = {int(path.name.removeprefix(_PREFIX)): path.stat().st_size for path in paths}
        self._number = max(self._sizes, default=0)
        self._file: int | None = None

    @property
    def held_bytes(self) -> int:
        """Size of its files."""
        return sum(tuple(self._sizes.values()))

    def append(self, part: Sequence[bytes | memoryview]) -> Place:
        """Return where the part, given in pieces, lies, which is on disk.

        Raises Exhausted (SPOOL_FULL) or Unavailable (SPOOL_FAILED); then nothing was added.
        """
        size = sum(map(len, part))
        if self.held_bytes + size > self._max_bytes:
            raise full()
        with translated():
            file = self._growing()
            # After a failure this is where the next part goes: nothing refers to what lies there.
            start = self._sizes[self._number]
            _write(file, part, start)
            os.fdatasync(file)
            _forget(file, start, start + size)
        self._sizes[self._number] += size
        return Place(self._number, start, size)

    def read(self, place: Place) -> bytes:
        """Return the part of a place; raises Unavailable (SPOOL_FAILED) if it is not there."""
        with translated():
            with self._path(place.file).open("rb") as file:
                file.seek(place.start)
                part = file.read(place.size)
            if len(part) != place.size:
                raise OSError(f"file {place.file} of the annex ends too early")
        return part

    def keep_from(self, first: int | None) -> None:
        """Delete the files before the one of this number; all of them for None."""
        gone = [number for number in self._sizes if first is None or number < first]
        if self._number in gone:
            self.close()
        with translated():
            for number in gone:
                self._path(number).unlink(missing_ok=True)
                del self._sizes[number]

    def close(self) -> None:
        """Close the file that grows; the next part begins another one."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _growing(self) -> int:
        """Return the file to append to, a new one where there is none or it has grown enough."""
        if self._file is not None and self._sizes[self._number] < self._file_bytes:
            return self._file
        self.close()
        file = os.open(self._path(self._number + 1), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._number, self._file = self._number + 1, file
        self._sizes[self._number] = 0
        sync_directory(self._directory)
        return file

    def _path(self, number: int) -> Path:
        return self._directory / f"{_PREFIX}{number:06d}"


def _write(file: int, part: Sequence[bytes | memoryview], start: int) -> None:
    """Write all pieces of the part, one behind the other."""
    for piece in part:
        write_at(file, piece, start)
        start += len(piece)


def _forget(file: int, start: int, end: int) -> None:
    """Let the system's cache drop what has now passed the last CACHED_BYTES of the file, and use that memory anew.

    A log that nobody reads would push other things out of it, and to take fresh memory costs more than the writing.
    """
    first, last = max(0, start - CACHED_BYTES), max(0, end - CACHED_BYTES)
    if last > first:
        os.posix_fadvise(file, first, last - first, os.POSIX_FADV_DONTNEED)
