"""A few callers at a time look at data, however many ask."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from shared.errors import Exhausted

AT_ONCE: Final = 2
_PATIENCE_S: Final = 20.0


class Turns:
    """Lets two look at a time, so that jobs and other calls keep cores and memory."""

    def __init__(self, *, patience_s: float = _PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._free = threading.BoundedSemaphore(AT_ONCE)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Keep a turn while the caller looks; whoever waits too long for one gets Exhausted INSPECTIONS_BUSY."""
        if not self._free.acquire(timeout=self._patience_s):
            message = f"{AT_ONCE} callers are looking at data already; try again when they are done"
            raise Exhausted(message, reason="INSPECTIONS_BUSY")
        try:
            yield
        finally:
            self._free.release()
