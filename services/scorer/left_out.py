"""Decisions that the challenger does not answer: counted, and told in the log, but not each."""

import logging
import threading
from collections import Counter
from collections.abc import Callable

from shared.errors import CounterfoilError
from shared.logs import log_event

_LOGGER = logging.getLogger("counterfoil.scorer.desk")


class LeftOut:
    """Counts shadows by the reason for which there is no answer; from any number of threads.

    `tell` is told of each. The first of a reason is logged, and then ever fewer: whenever their number has doubled.
    """

    def __init__(self, tell: Callable[[str, int], None] = lambda _reason, _rows: None) -> None:
        self._tell = tell
        self._counts: Counter[str] = Counter()
        self._guard = threading.Lock()

    def add(self, error: CounterfoilError, rows: int = 1) -> None:
        """Count so many."""
        if not rows:
            return
        with self._guard:
            before = self._counts[error.reason]
            count = self._counts[error.reason] = before + rows
        self._tell(error.reason, rows)
        if before.bit_length() < count.bit_length():
            log_event(_LOGGER, "challenger left out", reason=error.reason, count=count)
