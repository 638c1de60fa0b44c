"""A thread that does the same work again and again."""

import threading
from collections.abc import Callable


class Repeating:
    """Does its work so many seconds after it was done last, or after the start, until it is stopped.

    The work takes care of its own errors: one that it raises ends the thread.
    """

    def __init__(self, work: Callable[[], object], *, every_seconds: float, name: str) -> None:
        self._work = work
        self._every_seconds = every_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and return when the work under way is done; also if it never began."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._every_seconds):
            self._work()
