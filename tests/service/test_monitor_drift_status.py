"""Drift status over a real channel: what windows look like, told when asked for and when it changes."""

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import numpy as np
import pytest

from counterfoil.client.channels import open_channel
from counterfoil.client.errors import call_error
from counterfoil.monitor.v1 import drift_status_pb2, monitor_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from services.monitor.app import build
from services.monitor.standing import MOST_WATCHERS
from tests.service.monitors import HANGING_JOB, VERSION, Sender, monitor, settings_in
from tests.unit.monitor.models import BUNDLE_DIGEST, KnownModels
from tests.unit.monitor.references import AMOUNT, N_FEATURES, trained, training
from tests.unit.monitor.segments import NOW, Spool

LAST = drift_status_pb2.DRIFT_WINDOW_KIND_LAST_COUNT


class Watched:
    """A monitor that judges as soon as decisions come, and a sender of them."""

    def __init__(self, stub: MonitorServiceStub) -> None:
        self.stub = stub
        self.sender = Sender(stub, BUNDLE_DIGEST, Spool())

    def status(self, etag: str = "") -> drift_status_pb2.DriftStatus:
        """Return the version's status."""
        return self.stub.GetDriftStatus(monitor_pb2.GetDriftStatusRequest(model_version=VERSION, etag=etag))

    def last(self, rows: int) -> drift_status_pb2.WindowDrift:
        """Return the window of the last decisions once it holds so many."""
        windows = (window for news in self.watch() for window in news.status.windows)
        return next(window for window in windows if window.kind == LAST and window.rows == rows)

    def watch(self, etag: str = "") -> Iterator[drift_status_pb2.WatchDriftStatusResponse]:
        """Return the stream of the version's status."""
        request = monitor_pb2.WatchDriftStatusRequest(model_version=VERSION, etag=etag)
        return iter(self.stub.WatchDriftStatus(request, timeout=60))


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """Run a monitor that knows one model version."""
    with running(tmp_path) as found:
        yield found


@contextmanager
def running(folder: Path, **changed: float) -> Iterator[Watched]:
    """Run a monitor in a folder for the length of a `with` block."""
    settings = replace(settings_in(folder), drift_refresh_s=0.05, **changed)  # type: ignore[arg-type]  # by name
    with monitor(settings, models=KnownModels(trained()), job_command=HANGING_JOB) as stub:
        yield Watched(stub)


def test_status_tells_what_the_windows_look_like(watched: Watched) -> None:
    """First like the training data, then with another credit; who knows the tag is told no more."""
    watched.sender.send(training(600, seed=2), time=NOW)
    calm = watched.last(600)
    odd = training(900, seed=3)
    odd[:, AMOUNT] *= 3.0

    watched.sender.send(odd, time=NOW)
    drifted = watched.last(1_500)

    assert (calm.kind, calm.data_drifted, calm.drifted_count, calm.judged_count) == (LAST, False, 0, 5)
    assert (drifted.data_drifted, drifted.drifted_count) == (True, 1)
    credit = drifted.features[0]
    assert (credit.feature, credit.psi > 0.1, credit.values_p < 1e-3) == ("AMT_CREDIT", True, True)
    assert drift_status_pb2.FEATURE_DRIFT_KIND_VALUES in credit.kinds
    status = watched.status()
    assert watched.status(status.etag) == drift_status_pb2.DriftStatus(etag=status.etag)


def test_tests_and_what_ifs_do_not_count(watched: Watched) -> None:
    """However odd they are."""
    watched.sender.send(np.full((300, N_FEATURES), 1.0), time=NOW, purposes=[2, 3, 4] * 100)
    watched.sender.send(training(600, seed=2), time=NOW)

    window = watched.last(600)

    assert not window.data_drifted
    assert watched.status().prediction_count == 900


def test_monitor_that_restarts_knows_its_windows_again(tmp_path: Path) -> None:
    """Without a new decision: what the projections hold is read, of a version that decided within the days."""
    with running(tmp_path) as watched:
        watched.sender.send(training(600, seed=2), time=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1))
        before = watched.last(600)

    with running(tmp_path) as watched:
        after = watched.last(600)

    assert (after.rows, after.start_time, after.data_drifted) == (before.rows, before.start_time, False)


def test_watching_tells_what_changes_until_it_is_known(watched: Watched) -> None:
    """At once to who knows nothing, and to who knows the tag once it is another."""
    first = next(watched.watch()).status
    news = watched.watch(first.etag)

    watched.sender.send(training(600, seed=2), time=NOW)
    told = [first, next(news).status]
    while not told[-1].windows:
        told.append(next(news).status)

    assert len({status.etag for status in told}) == len(told)
    assert {status.model_version for status in told} == {VERSION}
    assert told[-1].windows[0].rows == 600


def test_one_watcher_too_many_is_refused_and_a_place_comes_free(watched: Watched) -> None:
    """Each keeps a thread of the server busy; who has gone does not."""
    streams = [watched.watch() for _ in range(MOST_WATCHERS)]
    for stream in streams:
        next(stream)

    with pytest.raises(grpc.RpcError) as refused:
        next(watched.watch())
    for stream in streams:
        stream.cancel()  # type: ignore[attr-defined]  # a call is a stream and more

    assert call_error(refused.value).reason == "WATCHERS_BUSY"
    assert _first_news(watched).status.model_version == VERSION


def test_stopping_monitor_ends_the_streams_that_watch(tmp_path: Path) -> None:
    """And does not wait for their callers to go."""
    app = build(settings_in(tmp_path), models=KnownModels(trained()), job_command=HANGING_JOB)
    app.server.start()
    try:
        with open_channel(f"127.0.0.1:{app.server.port}") as channel:
            request = monitor_pb2.WatchDriftStatusRequest(model_version=VERSION)
            stream = iter(MonitorServiceStub(channel).WatchDriftStatus(request))
            next(stream)

            app.server.stop(grace_seconds=30)

            assert list(stream) == []
    finally:
        app.stop()


def test_watching_a_version_that_is_unknown_or_misnamed_says_so(watched: Watched) -> None:
    """As asking for its status does."""
    codes = []
    for name in ("models/credit-default/versions/77", "models/credit-default/versions/champion"):
        with pytest.raises(grpc.RpcError) as refused:
            list(watched.stub.WatchDriftStatus(monitor_pb2.WatchDriftStatusRequest(model_version=name)))
        codes.append(call_error(refused.value).code)

    assert codes == ["NOT_FOUND", "INVALID_ARGUMENT"]


def _first_news(watched: Watched) -> drift_status_pb2.WatchDriftStatusResponse:
    """Return the first news of a new watcher, asked for anew while it is refused, for a minute."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return next(watched.watch())
        except grpc.RpcError as refused:
            if time.monotonic() > deadline or call_error(refused).reason != "WATCHERS_BUSY":
                raise
