"""Follows the projections decision by decision and posts what each window of them looks like."""

import datetime as dt
import logging
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.monitor.domain.drift_judging import DriftLimits, judge
from services.monitor.domain.drift_verdict import DriftVerdict
from services.monitor.domain.drift_windows import Counted, DriftWindows, WindowLengths
from services.monitor.domain.histograms import Decisions
from services.monitor.domain.model import ModelFacts, Models
from services.monitor.domain.reference import Reference
from services.monitor.drift_board import DriftBoard
from shared.errors import CounterfoilError

# Without new decisions windows change by time alone.
_IDLE_S = 60.0

_logger = logging.getLogger(__name__)


class History(Protocol):
    """The decisions that the projections hold."""

    def model_versions(self, since: dt.date) -> list[str]:
        """Return the model versions that have predictions of this day or later."""
        ...

    def read(self, model_version: str, features: Sequence[str]) -> Iterator[Decisions]:
        """Yield the newest decisions in the order of time, up to a bound."""
        ...


@dataclass
class _Followed:
    reference: Reference
    windows: DriftWindows
    # Since when (seconds since 1970) its verdicts are out of date, and its promotion is to be looked up again.
    stale_at: float = 0.0
    look_at: float = 0.0


class DriftFollower:
    """Counts every decision once, at first those of the history, and judges the windows in a thread of its own.

    `resume` and `follow` are called by the one thread that projects, so that what history holds is never followed.
    """

    def __init__(
        self,
        board: DriftBoard,
        history: History,
        models: Models,
        *,
        clock: Callable[[], dt.datetime],
        lengths: WindowLengths,
        limits: DriftLimits,
        refresh_s: float,
    ) -> None:
        self._board = board
        self._history = history
        self._models = models
        self._clock = clock
        self._lengths = lengths
        self._limits = limits
        self._refresh_s = refresh_s
        self._lock = threading.Lock()
        self._followed: dict[str, _Followed] = {}
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drift", daemon=True)

    def resume(self) -> None:
        """Take in what the projections hold of model versions that are not followed yet.

        One that has not decided for as long as the windows reach back is left alone, and one whose bundle cannot be had
        now is left for the next time.
        """
        since = self._clock() - dt.timedelta(days=self._lengths.last_days)
        for model_version in self._history.model_versions(since.date()):
            if model_version not in self._followed:
                try:
                    self._open(self._models.find(model_version))
                except CounterfoilError as error:
                    _logger.warning("drift of %s is not followed yet: %s", model_version, error.message)

    def follow(self, model: ModelFacts, decisions: Decisions) -> None:
        """Count decisions that were projected just now."""
        followed = self._followed.get(model.model_version)
        if followed is None:
            # The projection holds these very decisions already.
            self._open(model)
            return
        with self._lock:
            followed.windows.add(decisions, self._clock().timestamp())
            followed.stale_at = 0.0
        self._wanted.set()

    def refresh(self) -> None:
        """Judge the windows that have changed, and post the verdicts."""
        for model_version, followed in list(self._followed.items()):
            now = self._clock().timestamp()
            if now >= followed.stale_at:
                self._look_up_promotion(model_version, followed, now)
                self._board.post(self._judge(followed, now))

    def start(self) -> None:
        """Start judging whenever there is something new, and once a minute."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the verdicts at hand."""
        self._stopping.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()

    def _open(self, model: ModelFacts) -> None:
        followed = _Followed(reference := Reference.of(model), DriftWindows(reference.bins, self._lengths))
        # Beforehand: what history holds from before a promotion is then told apart to the second.
        self._look_up_promotion(model.model_version, followed, self._clock().timestamp())
        for decisions in self._history.read(model.model_version, model.schema.names):
            followed.windows.add(decisions, self._clock().timestamp())
        self._followed[model.model_version] = followed
        self._wanted.set()

    def _look_up_promotion(self, model_version: str, followed: _Followed, now: float) -> None:
        """Let the window since promotion begin where the registry says, asked once a minute at most."""
        if now < followed.look_at:
            return
        followed.look_at = now + _IDLE_S
        try:
            promoted_at = self._models.promoted_at(model_version)
        except CounterfoilError as error:
            _logger.warning("the promotion of %s is not known: %s", model_version, error.message)
            return
        if promoted_at is not None:
            with self._lock:
                followed.windows.promote(promoted_at.timestamp())

    def _judge(self, followed: _Followed, now: float) -> list[DriftVerdict]:
        with self._lock:
            followed.stale_at = now + _IDLE_S
            followed.windows.forget(now)
            counted = followed.windows.counted()
        return [
            judge(followed.reference, found.sketch, self._limits, window=window, start_time=_time(found))
            for window, found in counted.items()
        ]

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wanted.wait(_IDLE_S)
            self._wanted.clear()
            try:
                self.refresh()
            except Exception:
                # The thread is a process boundary: what stops it once may not stop it the next time.
                _logger.exception("judging drift failed; it is tried again")
            self._stopping.wait(self._refresh_s)


def _time(found: Counted) -> dt.datetime | None:
    return dt.datetime.fromtimestamp(found.start_time, dt.UTC) if math.isfinite(found.start_time) else None
