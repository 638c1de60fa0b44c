"""Locks on calls among the processes of one machine: given back by the system when a process ends, however it ends."""

import fcntl
import hashlib
import json
import threading
from collections import Counter
from pathlib import Path
from typing import Final

from services.scorer.adapters.spool import AnswerKey

_PLACE_BYTES: Final = 7
"""A place in the lock file is a number of 56 bits: two calls that share one merely wait for each other."""


class CallLocks:
    """Which calls this process answers, as locked bytes of a file that stays empty.

    Several threads of a process hold a call together: among them its own queue keeps order.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or make it; its folder must be there."""
        self._file = path.open("ab")
        self._held: Counter[int] = Counter()
        self._guard = threading.Lock()

    def hold(self, call: AnswerKey) -> bool:
        """Return whether this process has the call now; False while another one has it."""
        place = _place(call)
        with self._guard:
            if not self._held[place] and not self._lock(place):
                return False
            self._held[place] += 1
        return True

    def release(self, call: AnswerKey) -> None:
        """Give back what a thread held; other processes may have the call when no thread holds it any more."""
        place = _place(call)
        with self._guard:
            self._held[place] -= 1
            if not self._held[place]:
                del self._held[place]
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)

    def close(self) -> None:
        """Give back everything."""
        self._file.close()

    def _lock(self, place: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except (BlockingIOError, PermissionError):
            return False
        return True


def _place(call: AnswerKey) -> int:
    content = json.dumps([call.caller, call.method, call.request_id]).encode()
    return int.from_bytes(hashlib.sha256(content).digest()[:_PLACE_BYTES])
