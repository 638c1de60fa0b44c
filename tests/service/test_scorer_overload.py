"""More calls than the scorer takes at once: the others are refused at once, and nothing that was promised is lost."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import grpc

from counterfoil.client.errors import call_error
from counterfoil.scorer.v1 import scorer_pb2_grpc
from services.scorer.app import CROWD, HANDLER_THREADS
from shared.rpc.admission import TOLD_OF_A_CROWD
from tests.bundles import tiny_bundle
from tests.fakes import FakeMonitor, FakeRegistry, monitor_server
from tests.lending import eventually
from tests.processes import free_port
from tests.service.scoring import ask, scorer
from tests.service.scraping import scrape

CONNECTIONS, CALLS = 4, 90
LEAST_REFUSED = (CONNECTIONS * CALLS - HANDLER_THREADS - CROWD) // TOLD_OF_A_CROWD


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


@contextmanager
def connections(address: str) -> Iterator[list[grpc.Channel]]:
    """Give channels with a connection each."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]))
            for _ in range(CONNECTIONS)
        ]


def test_what_is_too_much_is_refused_at_once_and_the_rest_is_answered_and_recorded(tmp_path: Path) -> None:
    """RESOURCE_EXHAUSTED while the others wait, and counted; each answer is recorded once, and a later call told."""
    bundle, clock, monitor = tiny_bundle(tmp_path / "bundle", seed=5), StoppedClock(), FakeMonitor()
    registry, metrics = FakeRegistry(), free_port()
    registry.register(bundle, alias="champion")

    with (
        monitor_server(monitor) as address,
        scorer(
            tmp_path,
            registry,
            monitor_address=address,
            clock=clock,
            metrics_address=f"127.0.0.1:{metrics}",
        ) as running,
        connections(running.address) as channels,
    ):
        with clock.stopped():
            stubs = [scorer_pb2_grpc.ScorerServiceStub(channel) for channel in channels]
            calls = [stub.Score.future(ask(each)) for each in bundle.applicant_ids[:1] * CALLS for stub in stubs]
            eventually(lambda: sum(call.done() for call in calls) >= LEAST_REFUSED, timeout_s=60.0, what="refusing")
        errors = [call_error(error) for call in calls if isinstance(error := call.exception(), grpc.RpcError)]
        answers = [call.result() for call in calls if call.exception() is None]
        after = running.stub.Score(ask(bundle.applicant_ids[1]))
        monitor.wait_for_records(len(answers) + 1)
        figures = scrape(metrics)

    assert {error.reason for error in errors} == {"OVERLOADED"}
    assert figures['counterfoil_scorer_refused_total{code="RESOURCE_EXHAUSTED",reason="OVERLOADED"}'] == len(errors)
    assert len(errors) <= CALLS * CONNECTIONS // TOLD_OF_A_CROWD
    promised = sorted(each.receipt.hash for each in [*answers, after])
    assert sorted(record.hash for record in monitor.records) == promised
