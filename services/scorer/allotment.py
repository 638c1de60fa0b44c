"""A part of the queue that one kind of answer may fill, so that it leaves the rest to the others."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import Exhausted


class Allotment:
    """So many rows with every contribution at once and no more: each takes ten times the bytes of a few reasons.

    `taken` are those on their way.
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.taken = 0
        self._guard = threading.Lock()

    @contextmanager
    def room_for(self, rows: int) -> Iterator[None]:
        """Keep room for the rows while the block runs; raises Exhausted (EXPLANATIONS_BUSY) where there is none."""
        if not rows:
            yield
            return
        with self._guard:
            if self.taken + rows > self._rows:
                raise Exhausted(
                    f"{self._rows} rows with all contributions are on their way at most; retry later, or ask for less",
                    reason="EXPLANATIONS_BUSY",
                )
            self.taken += rows
        try:
            yield
        finally:
            with self._guard:
                self.taken -= rows
