"""The lock on the monitor's folder: one process appends to the log and runs the jobs."""

import fcntl
import os
from pathlib import Path

from services.monitor.adapters.durability import make_folder
from shared.errors import Precondition


class StateLock:
    """Held from its making to release(), or to the end of the process, however that comes."""

    def __init__(self, folder: Path) -> None:
        """Take the lock.

        Raises Precondition: STATE_IN_USE if another process holds it, STATE_UNWRITABLE if the folder cannot be used.
        """
        try:
            make_folder(folder)
            self._handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Precondition(
                f"the monitor's state folder cannot be written ({error.strerror}); set another COUNTERFOIL_STATE_DIR",
                reason="STATE_UNWRITABLE",
            ) from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._handle)
            raise Precondition(
                "another monitor works in this state folder; stop it, or set another COUNTERFOIL_STATE_DIR",
                reason="STATE_IN_USE",
            ) from error

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._handle)
