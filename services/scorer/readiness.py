"""Loading in the background until there is something to serve, and following the alias from then on."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from services.scorer.domain.serving import Served, Serving
from shared.errors import CounterfoilError, Unavailable

RETRY_SECONDS: Final = 3.0
LONGEST_PAUSE_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 5.0
_LOGGER = logging.getLogger("counterfoil.scorer.loading")


class Readiness:
    """A thread that tries to load the model every few seconds until a bundle is served with all its applicants.

    While MLflow is down, what was served last is served again meanwhile. The pauses are `retry_seconds` long; once
    something is served they double, up to a minute. Then it looks every `watch_seconds` whether the alias has moved; 0
    leaves that to ReloadModel.
    """

    def __init__(
        self,
        serving: Serving,
        load_last: Callable[[], Served],
        *,
        retry_seconds: float = RETRY_SECONDS,
        watch_seconds: float = 0.0,
    ) -> None:
        self._serving = serving
        self._load_last = load_last
        self._retry_seconds = retry_seconds
        self._watch_seconds = watch_seconds
        self._told: list[str] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="loading", daemon=True)

    def start(self) -> None:
        """Begin to load."""
        self._thread.start()

    def stop(self) -> None:
        """End; an attempt that hangs in MLflow is left behind after 5 s."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        self._load()
        while self._watch_seconds and not self._stopping.wait(self._watch_seconds):
            self._tell(_failures(self._serving.follow))

    def _load(self) -> None:
        pause = self._retry_seconds
        while not self._serving.complete:
            self._tell(self._attempt())
            if self._serving.complete or self._stopping.wait(pause):
                return
            # Each attempt may fetch a whole split: who serves already waits longer for what is not at hand.
            pause = self._retry_seconds if self._serving.empty else min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _tell(self, failures: list[CounterfoilError]) -> None:
        """Log what failed, unless it did so before."""
        reasons = [each.reason for each in failures]
        if reasons != self._told:
            for each in failures:
                fields = {"reason": each.reason, "message": each.message}
                _LOGGER.warning("what the alias names is not served", extra={"fields": fields})
        self._told = reasons

    def _attempt(self) -> list[CounterfoilError]:
        """Reload, while MLflow is down resume instead, and return what failed."""
        failures = _failures(self._serving.reload)
        if any(isinstance(each, Unavailable) for each in failures):
            failures += _failures(lambda: self._serving.resume(self._load_last))
        return failures


def _failures(step: Callable[[], object]) -> list[CounterfoilError]:
    """Take the step, and return the error that it ended with, if any; one that nobody foresaw is logged."""
    try:
        step()
    except CounterfoilError as error:
        return [error]
    except Exception:  # the boundary of the thread: without it nothing would ever be served
        _LOGGER.exception("loading failed")
    return []
