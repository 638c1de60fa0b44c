"""Shipping to a real port: in order, once, kept while the monitor is away or refuses, and never dropped."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from counterfoil.client.channels import open_channel
from counterfoil.types.v1 import prediction_pb2
from services.scorer.adapters.shipping import MonitorLog, SegmentRefused, Shipper
from services.scorer.adapters.spool import Entry, Spool
from shared.errors import Unavailable
from shared.prediction_record.chain import personal_digest
from tests.clock import Clock
from tests.fakes import FakeMonitor, monitor_server
from tests.processes import free_port

SALT = b"s" * 16
SOON = 0.02


def entries(count: int, size: int = 10) -> list[Entry]:
    """Return sound entries whose personal parts are so many bytes long."""
    personal = b"p" * size
    part = prediction_pb2.DecisionPart(layout_version=1, personal_digest=personal_digest(SALT, personal))
    return [Entry(part.SerializeToString(), personal, SALT)] * count


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """Give an open spool."""
    spool = Spool(tmp_path, clock=Clock())
    yield spool
    spool.close()


@contextmanager
def shipping(spool: Spool, address: str, *, seal_seconds: float = SOON) -> Iterator[Shipper]:
    """Ship to the address for the length of a `with` block."""
    channel = open_channel(address)
    log = MonitorLog(channel)
    shipper = Shipper(spool, log.ingest, seal_seconds=seal_seconds, segment_bytes=1000, longest_pause_seconds=0.05)
    shipper.start()
    try:
        yield shipper
    finally:
        shipper.stop(log.give_up, grace_seconds=5)
        channel.close()


def test_what_is_recorded_arrives_in_order_and_is_deleted(spool: Spool) -> None:
    """Cut into segments of about the size asked for, each verified by the receiver."""
    monitor = FakeMonitor()
    for _ in range(10):
        spool.append(entries(3, size=100))
    with monitor_server(monitor) as address, shipping(spool, address):
        monitor.wait_for_records(30)

    assert [record.sequence for record in monitor.records] == list(range(1, 31))
    assert len(monitor.segments) > 3
    assert spool.seal(1000) is None


def test_a_full_segment_does_not_wait_for_its_time(spool: Spool) -> None:
    """With a minute between seals, 1,000 bytes go out as soon as they are there."""
    monitor = FakeMonitor()
    with monitor_server(monitor) as address, shipping(spool, address, seal_seconds=60) as shipper:
        spool.append(entries(1))
        shipper.recorded()
        spool.append(entries(9, size=200))
        shipper.recorded()

        monitor.wait_for_records(10)
        arrived = [record.sequence for record in monitor.records]

    assert arrived == list(range(1, 11))


def test_while_the_monitor_is_down_nothing_is_lost_and_it_drains_later(spool: Spool) -> None:
    """A monitor that comes up at the address gets everything, from the first record on."""
    monitor, address = FakeMonitor(), f"127.0.0.1:{free_port()}"
    with shipping(spool, address):
        for _ in range(5):
            spool.append(entries(10))
        with monitor_server(monitor, address):
            monitor.wait_for_records(50)

    assert [record.sequence for record in monitor.records] == list(range(1, 51))


@pytest.mark.parametrize("refusal", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL])
def test_a_refused_segment_is_kept_and_sent_again(
    spool: Spool, refusal: grpc.StatusCode, caplog: pytest.LogCaptureFixture
) -> None:
    """It stands in the way of those behind it until it is taken; the log says so."""
    monitor = FakeMonitor()
    monitor.refusal = refusal
    spool.append(entries(3))
    with caplog.at_level(logging.WARNING), monitor_server(monitor) as address, shipping(spool, address):
        monitor.wait_for_attempts(3)
        kept = spool.seal(1000)
        monitor.refusal = None
        monitor.wait_for_records(3)

    said = [record.getMessage() for record in caplog.records if record.name.startswith("counterfoil.scorer")]
    assert kept is not None
    assert [record.sequence for record in kept.records] == [1, 2, 3]
    assert said.count("shipping is held up") == 1


def test_an_acknowledgement_that_was_lost_stores_nothing_twice(spool: Spool) -> None:
    """The same segment is sent again under the same number, and the receiver knows it."""
    monitor = FakeMonitor()
    spool.append(entries(2))
    sealed = spool.seal(1000)
    with monitor_server(monitor) as address:
        with open_channel(address) as channel:
            assert sealed is not None
            MonitorLog(channel).ingest(sealed)
        with shipping(spool, address):
            monitor.wait_for_attempts(2)

    assert len(monitor.segments) == 1
    assert spool.seal(1000) is None


def test_stopping_ships_what_waits(spool: Spool) -> None:
    """Without waiting for the next seal."""
    monitor = FakeMonitor()
    with monitor_server(monitor) as address, shipping(spool, address, seal_seconds=60):
        spool.append(entries(30, size=100))

    assert len(monitor.records) == 30


def test_stopping_gives_up_on_a_monitor_that_hangs(spool: Spool) -> None:
    """After the grace; what was not acknowledged is still in the spool."""
    entered, given_up = threading.Event(), threading.Event()

    def hang(_segment: prediction_pb2.Segment) -> None:
        entered.set()
        given_up.wait()
        raise Unavailable("the channel is closed", reason="CHANNEL_CLOSED")

    spool.append(entries(1))
    shipper = Shipper(spool, hang, seal_seconds=SOON)
    shipper.start()
    entered.wait()

    shipper.stop(given_up.set, grace_seconds=SOON)

    assert spool.seal(1000) is not None


def test_an_unforeseen_error_does_not_end_the_thread(spool: Spool, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with its traceback, and shipping goes on."""
    calls: list[int] = []
    shipped = threading.Event()

    def fail_once(segment: prediction_pb2.Segment) -> None:
        calls.append(segment.number)
        if len(calls) == 1:
            raise RuntimeError("unforeseen")
        shipped.set()

    spool.append(entries(1))
    shipper = Shipper(spool, fail_once, seal_seconds=SOON, longest_pause_seconds=SOON)
    shipper.start()
    arrived = shipped.wait(20)
    shipper.stop(lambda: None, grace_seconds=5)

    assert arrived
    assert calls == [1, 1]
    assert [record.exc_info is not None for record in caplog.records if record.getMessage() == "shipping failed"] == [
        True
    ]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, SegmentRefused),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Unavailable),
        (grpc.StatusCode.INTERNAL, Unavailable),
    ],
)
def test_only_a_wrong_segment_is_refused_for_good(code: grpc.StatusCode, error: type[Exception]) -> None:
    """Anything else may pass."""
    monitor = FakeMonitor()
    monitor.refusal = code
    with monitor_server(monitor) as address, open_channel(address) as channel, pytest.raises(error):
        MonitorLog(channel).ingest(prediction_pb2.Segment(instance="i", number=1))


def test_giving_up_ends_the_call_that_runs_and_any_after_it() -> None:
    """As when the scorer stops while the monitor hangs; nothing is called once the channel is closed."""
    monitor = FakeMonitor()
    failures: list[Unavailable] = []

    def ingest() -> None:
        try:
            log.ingest(prediction_pb2.Segment(instance="i", number=1))
        except Unavailable as error:
            failures.append(error)

    with monitor_server(monitor) as address, open_channel(address) as channel, monitor.hanging():
        log = MonitorLog(channel)
        shipping_thread = threading.Thread(target=ingest)
        shipping_thread.start()
        monitor.wait_for_attempts(1)
        log.give_up()
        shipping_thread.join()
    ingest()

    assert [error.reason for error in failures] == ["SHIPPING_STOPPED"] * 2
