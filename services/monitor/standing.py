"""How each model stands, kept in memory, so that a poll costs nothing."""

import threading
from collections.abc import Callable

from services.monitor.domain.model import Models, is_numbered
from services.monitor.domain.status import DriftStatus, ReportNews, Tally, newer
from shared.errors import InvalidInput


class Standing:
    """The newest report on logged predictions of each model version, beside what the log counts."""

    def __init__(self, tally: Callable[[str], Tally], models: Models) -> None:
        self._tally = tally
        self._models = models
        self._lock = threading.Lock()
        self._news: dict[str, ReportNews] = {}

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
        status = DriftStatus(model_version, self._tally(model_version), self._news.get(model_version))
        if not status.tally.count and status.report is None:
            self._models.find(model_version)
        return status
