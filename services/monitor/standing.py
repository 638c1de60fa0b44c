"""How each model stands, kept in memory, so that a poll costs nothing."""

import threading
import time
from collections.abc import Callable, Iterator

from services.monitor.domain.drift_verdict import DriftVerdict
from services.monitor.domain.model import Models, is_numbered
from services.monitor.domain.status import DriftStatus, ReportNews, Tally, newer
from shared.errors import Exhausted, InvalidInput

MOST_WATCHERS = 16
# How often a watcher looks whether something has changed, and whether anybody still listens.
_LOOK_S = 0.5


class Standing:
    """The newest report on logged predictions of each model version, beside what the log counts and windows look like.

    `tally` and `verdicts` tell these last two of a model version without waiting for anything.
    """

    def __init__(
        self,
        tally: Callable[[str], Tally],
        models: Models,
        verdicts: Callable[[str], tuple[DriftVerdict, ...]],
    ) -> None:
        self._tally = tally
        self._verdicts = verdicts
        self._models = models
        self._lock = threading.Lock()
        self._news: dict[str, ReportNews] = {}
        self._watching = threading.BoundedSemaphore(MOST_WATCHERS)

    def note(self, model_version: str, news: ReportNews) -> None:
        """Take in what a succeeded report said; an older one than is known changes nothing."""
        with self._lock:
            self._news[model_version] = newer(self._news.get(model_version), news)

    def status(self, model_version: str) -> DriftStatus:
        """Return the status of models/{model}/versions/{n}.

        Only a version that nothing is known of is looked up. Raises InvalidInput for another name or an alias,
        NotFound for a version that is not registered.
        """
        if not is_numbered(model_version):
            raise InvalidInput.of("model_version", "is not of the form models/{model}/versions/{number}")
        status = DriftStatus(
            model_version, self._tally(model_version), self._news.get(model_version), self._verdicts(model_version)
        )
        if not status.tally.count and status.report is None:
            self._models.find(model_version)
        return status

    def watch(self, model_version: str, etag: str, is_active: Callable[[], bool]) -> Iterator[DriftStatus]:
        """Yield the status once it is another than that of `etag`, and then its news, until nobody is active.

        Raises what `status` does, and Exhausted (WATCHERS_BUSY) for one watcher too many.
        """
        if not self._watching.acquire(blocking=False):
            message = f"{MOST_WATCHERS} callers watch already; poll GetDriftStatus with its etag instead"
            raise Exhausted(message, reason="WATCHERS_BUSY")
        try:
            while is_active():
                status = self.status(model_version)
                if status.etag != etag:
                    etag = status.etag
                    yield status
                time.sleep(_LOOK_S)
        finally:
            self._watching.release()
