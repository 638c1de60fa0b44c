"""Loading in the background until there is something to serve."""

import logging
import threading
from typing import Final

from services.scorer.domain.serving import Serving
from shared.errors import CounterfoilError

RETRY_SECONDS: Final = 3.0
_STOP_SECONDS: Final = 5.0
_LOGGER = logging.getLogger("counterfoil.scorer.loading")


class Readiness:
    """A thread that tries to load the model every few seconds until a bundle is served with all its applicants."""

    def __init__(self, serving: Serving, *, retry_seconds: float = RETRY_SECONDS) -> None:
        self._serving = serving
        self._retry_seconds = retry_seconds
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
        told = ""
        while not self._serving.complete:
            reason = self._try()
            if reason and reason != told:
                _LOGGER.warning("nothing is served yet", extra={"fields": {"reason": reason}})
            told = reason
            if not self._serving.complete and self._stopping.wait(self._retry_seconds):
                return

    def _try(self) -> str:
        """Reload, and return the reason if it failed."""
        try:
            self._serving.reload()
        except CounterfoilError as error:
            return error.reason
        except Exception:  # the boundary of the thread: without it nothing would ever be served
            _LOGGER.exception("loading failed")
            return "INTERNAL"
        return ""
