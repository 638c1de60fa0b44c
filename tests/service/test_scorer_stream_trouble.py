"""StreamScore when something goes wrong on the way: what was answered is in the log, once, and nothing piles up."""

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest

from counterfoil.client.channels import MESSAGE_LIMIT_BYTES, channel_options
from counterfoil.scorer.v1 import scorer_pb2_grpc, stream_pb2
from services.scorer.domain.chunks import chunk_rows
from services.scorer.pipeline import IN_FLIGHT
from tests.bundles import SCHEMA, TinyBundle, tiny_bundle
from tests.fakes import FakeMonitor, FakeRegistry, monitor_server
from tests.service.scoring import Scorer, failure, scorer
from tests.service.streams import chunk_of, settings_for, streamed

PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return the bundle that serves in this module."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=31)


@pytest.fixture
def monitor() -> FakeMonitor:
    """Return the monitor that gets what was recorded."""
    return FakeMonitor()


@pytest.fixture
def running(bundle: TinyBundle, monitor: FakeMonitor, tmp_path: Path) -> Iterator[Scorer]:
    """Give a scorer that serves the bundle and ships to the monitor."""
    registry = FakeRegistry()
    registry.register(bundle, alias="champion")
    with (
        monitor_server(monitor) as address,
        # Failed calls are recorded after the test, which counts answers.
        scorer(tmp_path, registry, monitor_address=address, failure_seconds=3600.0) as it,
    ):
        yield it


class Asking:
    """A stream of equal chunks, the next one sent when it is allowed; how many were taken is counted."""

    def __init__(self, running: Scorer, chunk: stream_pb2.StreamScoreRequest, *, allowed: int) -> None:
        self._settings = settings_for(running)
        self._chunk = chunk
        self._allowed = threading.Semaphore(allowed)
        self._moved = threading.Event()
        self.taken = 0

    def allow(self) -> None:
        """Let one more chunk be sent."""
        self._allowed.release()

    def chunks(self, count: int) -> Iterator[stream_pb2.StreamScoreRequest]:
        """Yield the settings, and so many chunks."""
        yield self._settings
        for _ in range(count):
            if not self._allowed.acquire(timeout=PATIENCE_S):
                return
            self.taken += 1
            self._moved.set()
            yield self._chunk

    def wait_until_stuck(self) -> None:
        """Return when nothing more was taken for a second."""
        while self._moved.wait(1.0):
            self._moved.clear()


def in_log(monitor: FakeMonitor) -> Counter[bytes]:
    """Return how often the log has each record, by its hash."""
    return Counter(each.hash for each in monitor.records)


def test_a_message_over_the_limit_ends_the_stream_and_what_was_answered_stays(
    running: Scorer, bundle: TinyBundle, monitor: FakeMonitor
) -> None:
    """Whoever sends it is told the limit, even if its own channel has none."""
    asking = Asking(running, chunk_of(bundle.values[:3]), allowed=1)
    huge = stream_pb2.StreamScoreRequest(chunk=stream_pb2.RowChunk(values=bytes(MESSAGE_LIMIT_BYTES + 8)))
    answered = threading.Event()

    def requests() -> Iterator[stream_pb2.StreamScoreRequest]:
        yield from asking.chunks(1)
        assert answered.wait(PATIENCE_S)
        yield huge

    options = [each for each in channel_options() if "max_send" not in each[0]]
    with grpc.insecure_channel(running.address, options=options) as channel:
        replies = scorer_pb2_grpc.ScorerServiceStub(channel).StreamScore(requests())
        told = next(replies).chunk.receipt.hash
        answered.set()
        error = failure(lambda: next(replies))
    monitor.wait_for_records(1)
    (after,) = streamed(running, [settings_for(running), chunk_of(bundle.values[:1])])
    monitor.wait_for_records(2)

    assert (error.code, str(MESSAGE_LIMIT_BYTES) in error.message) == ("RESOURCE_EXHAUSTED", True)
    assert in_log(monitor) == {told: 1, after.receipt.hash: 1}


def test_a_deadline_in_the_middle_ends_the_stream_and_what_was_answered_stays(
    running: Scorer, bundle: TinyBundle, monitor: FakeMonitor
) -> None:
    """Each answer that came in time is in the log once; at most those in work may be there besides."""
    asking = Asking(running, chunk_of(bundle.values[:100]), allowed=1)
    told: list[bytes] = []

    def read() -> None:
        for reply in running.stub.StreamScore(asking.chunks(1_000_000), timeout=2.0):
            told.append(reply.chunk.receipt.hash)
            asking.allow()

    error = failure(read)
    (after,) = streamed(running, [settings_for(running), chunk_of(bundle.values[:1])])
    monitor.wait_for_records(after.receipt.sequence)

    assert error.code == "DEADLINE_EXCEEDED"
    found = in_log(monitor)
    assert set(found.values()) == {1}
    assert set(told) < set(found)
    assert len(found) <= len(told) + IN_FLIGHT + 1


def test_a_reader_that_does_not_read_is_not_answered_ahead(running: Scorer) -> None:
    """The scorer reads no further than a few chunks, so that its memory is bounded; later the reader gets them all."""
    values, chunks = np.zeros((chunk_rows(len(SCHEMA.names)), len(SCHEMA.names))), 40
    asking = Asking(running, chunk_of(values), allowed=chunks)

    replies = running.stub.StreamScore(asking.chunks(chunks))
    asking.wait_until_stuck()
    taken = asking.taken
    rows = [reply.chunk.first_row for reply in replies]

    assert taken < chunks // 2
    assert rows == [place * len(values) for place in range(chunks)]
