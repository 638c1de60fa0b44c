"""What is projected is counted once, history first, and judged in a thread of its own."""

import datetime as dt
import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from services.monitor.domain.drift_judging import DriftLimits
from services.monitor.domain.drift_verdict import DriftVerdict, WindowKind
from services.monitor.domain.drift_windows import WindowLengths
from services.monitor.domain.histograms import Decisions
from services.monitor.domain.model import ModelFacts
from services.monitor.drift_board import DriftBoard
from services.monitor.drift_follower import DriftFollower
from shared.errors import Unavailable
from tests.unit.monitor.models import MODEL_VERSION, KnownModels
from tests.unit.monitor.references import SCORE, decided, trained, training
from tests.unit.monitor.segments import NOW

RECENTLY = NOW.timestamp() - 3_600


class Kept:
    """The decisions of a projection, in memory."""

    def __init__(self, *decisions: Decisions) -> None:
        self.decisions = list(decisions)
        self.reads = 0

    def model_versions(self, since: dt.date) -> list[str]:
        """Return the one model version if it decided on the day or later."""
        times = [each.times.max() for each in self.decisions]
        return [MODEL_VERSION] if any(dt.datetime.fromtimestamp(time, dt.UTC).date() >= since for time in times) else []

    def read(self, model_version: str, features: Sequence[str]) -> Iterator[Decisions]:
        """Yield what is kept."""
        assert (model_version, tuple(features)) == (MODEL_VERSION, trained().schema.names)
        self.reads += 1
        yield from self.decisions


class Troubled(KnownModels):
    """Finds nothing until MLflow is back."""

    is_down = True

    def find(self, model_version: str) -> ModelFacts:
        """Raise Unavailable while MLflow is down."""
        if self.is_down:
            raise Unavailable("MLflow does not answer", reason="MLFLOW_UNAVAILABLE")
        return super().find(model_version)

    def promoted_at(self, model_version: str) -> dt.datetime | None:
        """Raise Unavailable, whatever is asked for."""
        raise Unavailable(f"MLflow does not answer for {model_version}", reason="MLFLOW_UNAVAILABLE")


class Following:
    """A follower with its board; `history` is what the projections hold."""

    def __init__(self, history: Kept | None = None, models: KnownModels | None = None) -> None:
        self.history = history or Kept()
        self.board = DriftBoard()
        self.now = NOW
        self.models = models or KnownModels(trained())
        self.follower = DriftFollower(
            self.board,
            self.history,
            self.models,
            clock=lambda: self.now,
            lengths=WindowLengths(),
            limits=DriftLimits(),
            refresh_s=0.0,
        )

    def project(self, values: np.ndarray, start: float = RECENTLY) -> None:
        """Add decisions to the projection, then tell the follower of them."""
        decisions = decided(values, start=start)
        self.history.decisions.append(decisions)
        self.follower.follow(trained(), decisions)

    def verdict(self, window: WindowKind = WindowKind.LAST_COUNT) -> DriftVerdict:
        """Return the verdict on a window."""
        (found,) = (each for each in self.board.verdicts(MODEL_VERSION) if each.window is window)
        return found


def test_first_decisions_of_a_version_are_not_counted_twice() -> None:
    """The projection holds them already when the follower is told."""
    following = Following()

    following.project(training(200, seed=2))
    following.project(training(300, seed=3))
    following.follower.refresh()

    assert [verdict.rows for verdict in following.board.verdicts(MODEL_VERSION)] == [500] * 4
    assert following.history.reads == 1


def test_monitor_that_restarts_takes_up_what_the_projections_hold() -> None:
    """Once, however often it is to resume; contributions count from now on."""
    following = Following(Kept(decided(training(400, seed=2), start=RECENTLY, explained=False)))

    following.follower.resume()
    following.follower.resume()
    following.project(training(150, seed=3))
    following.follower.refresh()

    assert (following.verdict().rows, following.verdict().contribution_rows) == (550, 150)
    assert following.verdict().start_time == dt.datetime.fromtimestamp(RECENTLY, dt.UTC)
    assert following.history.reads == 1


def test_version_that_decided_nothing_lately_is_left_alone() -> None:
    """Years of retired versions must not be read at every start."""
    long_ago = decided(training(400), start=(NOW - dt.timedelta(days=40)).timestamp())
    following = Following(Kept(long_ago))

    following.follower.resume()

    assert following.history.reads == 0


def test_version_whose_bundle_cannot_be_had_is_resumed_later(caplog: pytest.LogCaptureFixture) -> None:
    """MLflow may be down when the monitor starts, and an unknown promotion is that of the first decision."""
    models = Troubled(trained())
    following = Following(Kept(decided(training(400), start=RECENTLY)), models)

    following.follower.resume()
    following.follower.refresh()
    before = following.board.verdicts(MODEL_VERSION)
    models.is_down = False
    following.follower.resume()
    following.follower.refresh()

    assert before == ()
    assert following.verdict(WindowKind.SINCE_PROMOTION).rows == 400
    assert "MLflow does not answer" in caplog.text


def test_drift_is_posted_and_told() -> None:
    """And again when it has passed."""
    following, told = Following(), list[DriftVerdict]()
    following.board.subscribe(told.append)
    odd = training(5_000, seed=3)
    odd[:, SCORE] **= 3

    for values in (training(5_000, seed=2), odd, training(11_000, seed=4)):
        following.project(values)
        following.follower.refresh()

    drifts = [verdict.data_drifted for verdict in told if verdict.window is WindowKind.LAST_COUNT]
    assert drifts == [False, True, False]


def test_promotion_that_becomes_known_begins_its_window() -> None:
    """It is asked for once a minute, not at every refresh."""
    following = Following()
    following.project(training(200, seed=2))
    following.follower.refresh()
    following.models.promotions[MODEL_VERSION] = NOW

    following.now += dt.timedelta(seconds=61)
    following.follower.refresh()
    following.project(training(100, seed=3), start=NOW.timestamp() + 1)
    following.now += dt.timedelta(seconds=1)
    following.follower.refresh()

    promoted = following.verdict(WindowKind.SINCE_PROMOTION)
    assert (promoted.rows, following.verdict().rows) == (100, 300)


def test_verdicts_come_by_themselves_and_survive_a_subscriber_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """Its failure is logged, and the thread goes on."""
    following, failures, told = Following(), ["once"], threading.Event()

    def take(_verdict: DriftVerdict) -> None:
        if failures:
            raise OSError(failures.pop())
        told.set()

    following.board.subscribe(take)
    following.follower.start()
    try:
        following.project(training(200, seed=2))
        while not told.wait(0.05):
            following.project(training(1, seed=3))
    finally:
        following.follower.stop()

    assert "judging drift failed" in caplog.text
