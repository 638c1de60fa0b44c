"""A few callers at a time do what takes cores and memory, however many ask."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from shared.errors import Exhausted

AT_ONCE: Final = 2
PATIENCE_S: Final = 20.0


class Turns:
    """Lets two callers at a time do it; `doing` tells the others what these are at, `reason` is their error's."""

    def __init__(self, *, doing: str, reason: str, patience_s: float = PATIENCE_S) -> None:
        self._doing = doing
        self._reason = reason
        self._patience_s = patience_s
        self._free = threading.BoundedSemaphore(AT_ONCE)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Keep a turn meanwhile; whoever waits too long for one gets Exhausted."""
        if not self._free.acquire(timeout=self._patience_s):
            message = f"{AT_ONCE} {self._doing} already; try again when they are done"
            raise Exhausted(message, reason=self._reason)
        try:
            yield
        finally:
            self._free.release()
