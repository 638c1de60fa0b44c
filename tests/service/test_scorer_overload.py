"""More calls than the scorer takes at once: the others are refused at once, and nothing that was promised is lost."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import grpc

from tests.bundles import tiny_bundle
from tests.fakes import FakeMonitor, FakeRegistry, monitor_server
from tests.lending import eventually
from tests.service.scoring import ask, scorer

CALLS, TAKEN = 300, 256


class StoppedClock:
    """A clock that can be stopped: nothing is recorded, so nothing is answered, until it runs again."""

    def __init__(self) -> None:
        self._running = threading.Event()
        self._running.set()

    def __call__(self) -> datetime:
        """Return the time, as soon as there is one."""
        self._running.wait()
        return datetime.now(UTC)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop for the length of a `with` block."""
        self._running.clear()
        try:
            yield
        finally:
            self._running.set()


def test_what_is_too_much_is_refused_at_once_and_the_rest_is_answered_and_recorded(tmp_path: Path) -> None:
    """RESOURCE_EXHAUSTED while the others still wait; each answer is recorded once, and the next call is answered."""
    bundle, clock, monitor = tiny_bundle(tmp_path / "bundle", seed=5), StoppedClock(), FakeMonitor()
    registry = FakeRegistry()
    registry.register(bundle, alias="champion")

    with (
        monitor_server(monitor) as address,
        scorer(tmp_path, registry, monitor_address=address, clock=clock) as running,
    ):
        with clock.stopped():
            calls = [running.stub.Score.future(ask(each)) for each in bundle.applicant_ids[:1] * CALLS]
            eventually(lambda: sum(call.done() for call in calls) == CALLS - TAKEN, timeout_s=60.0, what="refusing")
        answers = [call.result() for call in calls if call.code() is grpc.StatusCode.OK]
        after = running.stub.Score(ask(bundle.applicant_ids[1]))
        monitor.wait_for_records(TAKEN + 1)

    assert {call.code() for call in calls} == {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert len(answers) == TAKEN
    promised = sorted(each.receipt.hash for each in [*answers, after])
    assert sorted(record.hash for record in monitor.records) == promised
