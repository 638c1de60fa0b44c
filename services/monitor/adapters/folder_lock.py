"""A lock between the processes of one monitor, on this machine."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.monitor.adapters.durability import make_folder


class FolderLock:
    """Held by one thread of one process at a time; a process that dies gives it back."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock for the length of a `with` block, after those that hold it now."""
        make_folder(self._file.parent)
        # Opened anew: a lock belongs to the opening, so that threads of one process wait for each other as well.
        handle = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
