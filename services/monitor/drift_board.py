"""The newest verdicts on every model version, for whoever asks and whoever wants to be told."""

import threading
from collections.abc import Callable, Iterable

from services.monitor.domain.drift_verdict import DriftVerdict, Finding, WindowKind

Subscriber = Callable[[DriftVerdict], None]
Place = tuple[str, WindowKind]


class DriftBoard:
    """Holds one verdict a model version and window; any thread may read, one posts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._verdicts: dict[Place, DriftVerdict] = {}
        self._subscriptions: list[tuple[Subscriber, dict[Place, Finding]]] = []

    def subscribe(self, on_changed: Subscriber) -> None:
        """Have every verdict told from now on whose finding differs from the one told before; a first one differs.

        It is called in the thread that posts, one verdict at a time: let it be quick. If it raises, the posting thread
        gets the error, and the verdict is told again with the next post.
        """
        with self._lock:
            self._subscriptions.append((on_changed, {}))

    def post(self, verdicts: Iterable[DriftVerdict]) -> None:
        """Take in new verdicts in place of the earlier ones, then tell what has changed."""
        posted = {(verdict.model_version, verdict.window): verdict for verdict in verdicts}
        with self._lock:
            self._verdicts.update(posted)
            subscriptions = tuple(self._subscriptions)
        for on_changed, told in subscriptions:
            for place, verdict in posted.items():
                if told.get(place) != verdict.finding:
                    on_changed(verdict)
                    told[place] = verdict.finding

    def verdicts(self, model_version: str) -> tuple[DriftVerdict, ...]:
        """Return the verdicts on a model version in the order of WindowKind; none if it has decided nothing."""
        with self._lock:
            found = (self._verdicts.get((model_version, window)) for window in WindowKind)
            return tuple(verdict for verdict in found if verdict is not None)
