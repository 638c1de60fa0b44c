"""Measures model versions when outcomes of their decisions come in, and holds the figures against the rules."""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Final

from services.monitor.alerting import Alerting
from services.monitor.domain.asked_performance import AskedPerformance
from services.monitor.domain.performance import Performance
from services.monitor.domain.performance_figures import measurements_of_performance
from services.monitor.domain.window import Window
from shared.errors import CounterfoilError, Exhausted, Unavailable
from shared.logs import log_event

# Outcomes come months after the decisions: the newest few thousand have none.
WATCHED: Final = Window(last_count=200_000)

_logger = logging.getLogger(__name__)


class PerformanceWatch:
    """A thread that measures what has new outcomes, `pause_s` after they came: many batches are measured once."""

    def __init__(
        self, measure: Callable[[AskedPerformance], Performance], alerting: Alerting, *, pause_s: float = 10.0
    ) -> None:
        self._measure = measure
        self._alerting = alerting
        self._pause_s = pause_s
        self._lock = threading.Lock()
        self._wanted: set[str] = set()
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="performance", daemon=True)

    def start(self) -> None:
        """Begin to measure."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the measurement under way; what was wanted is measured when more outcomes come."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def want(self, model_versions: Iterable[str]) -> None:
        """Have model versions measured soon: their outcomes have changed."""
        with self._lock:
            self._wanted.update(model_versions)
        self._woken.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.wait()
            self._stopping.wait(self._pause_s)
            self._woken.clear()
            for model_version in self._take():
                if self._stopping.is_set():
                    return
                self._watch(model_version)

    def _take(self) -> list[str]:
        with self._lock:
            taken, self._wanted = sorted(self._wanted), set()
            return taken

    def _watch(self, model_version: str) -> None:
        try:
            performance = self._measure(AskedPerformance(model_version, WATCHED))
            self._alerting.measured(*measurements_of_performance(performance))
        except (Unavailable, Exhausted) as error:
            log_event(_logger, "performance is measured later", model_version=model_version, reason=error.reason)
            self.want([model_version])
        except CounterfoilError as error:
            log_event(_logger, "performance cannot be measured", model_version=model_version, reason=error.reason)
        except Exception:  # the thread's boundary: one model version must not end the watch over the others
            _logger.exception("performance cannot be measured", extra={"fields": {"model_version": model_version}})
