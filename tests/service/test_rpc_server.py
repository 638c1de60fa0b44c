"""The server around every service: addresses, bounds, health, reflection and a graceful stop."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from counterfoil.client.errors import call_error
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.trainer.v1 import dataset_pb2
from shared.errors import InvalidInput, Precondition
from shared.rpc.server import ServerSettings, build_server
from tests.service.rpc_service import DEADLINE_S, LOOPBACK, SCORER, TRAINER, answer, running, scorer, trainer

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def health(channel: grpc.Channel, service: str) -> int:
    """Return what grpc.health.v1 says of a service."""
    check = health_pb2_grpc.HealthStub(channel).Check  # type: ignore[attr-defined]  # untyped in typeshed
    return int(check(health_pb2.HealthCheckRequest(service=service), timeout=DEADLINE_S).status)


def watch_nothing(
    _request: dataset_pb2.WatchDatasetRequest, _context: grpc.ServicerContext
) -> Iterator[dataset_pb2.WatchDatasetResponse]:
    """End without any news."""
    yield from ()


class Gate:
    """A Score that stays inside until it is let out; `entered` counts those who came in."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()

    def score(self, request: scorer_pb2.ScoreRequest, context: grpc.ServicerContext) -> scorer_pb2.ScoreResponse:
        """Answer once the gate is open."""
        self.entered.release()
        assert self.open.wait(DEADLINE_S)
        return answer(request, context)


def test_health_is_told_per_service() -> None:
    """The process lives while one of its services cannot answer yet; an unknown name is NOT_FOUND."""
    with running(scorer(serving=False), trainer(watch_nothing)) as service:
        before = [health(service.channel, name) for name in ("", SCORER, TRAINER)]
        service.server.set_serving(SCORER, True)
        after = health(service.channel, SCORER)
        with pytest.raises(grpc.RpcError) as unknown:
            health(service.channel, "nobody")

    assert before == [SERVING, NOT_SERVING, SERVING]
    assert after == SERVING
    assert call_error(unknown.value).code == "NOT_FOUND"


def test_reflection_lists_and_describes_the_services() -> None:
    """A tool that has no protos finds the services, their methods and messages."""
    with running(scorer(), trainer(watch_nothing)) as service:
        database = ProtoReflectionDescriptorDatabase(service.channel)
        listed = set(database.get_services())
        described = DescriptorPool(database).FindServiceByName(SCORER)  # type: ignore[no-untyped-call]  # typeshed

    health_and_reflection = {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
    assert listed == {SCORER, TRAINER} | health_and_reflection
    assert "Score" in [method.name for method in described.methods]


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.1:50051", "scorer.example:50051"])
def test_an_address_beyond_this_machine_is_refused_without_tls(address: str) -> None:
    """The error says what is wrong and names both ways out."""
    with pytest.raises(Precondition) as error:
        build_server(ServerSettings(address), [scorer()])

    assert error.value.reason == "INSECURE_REMOTE_ADDRESS"
    assert "COUNTERFOIL_TLS_CERTIFICATE" in error.value.message
    assert "COUNTERFOIL_ALLOW_INSECURE_REMOTE" in error.value.message


def test_the_danger_can_be_accepted_by_name() -> None:
    """With the setting, plain text is served on every interface."""
    everywhere = ServerSettings("0.0.0.0:0", allow_insecure_remote=True)

    with running(scorer(), settings=everywhere) as service:
        assert service.score().prediction == "made"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "", ":-1"])
def test_an_address_without_a_port_is_invalid(address: str) -> None:
    """The error shows the form that is expected."""
    with pytest.raises(InvalidInput, match=r"such as 127\.0\.0\.1:50051"):
        build_server(ServerSettings(address), [scorer()])


def test_a_port_that_is_taken_is_refused() -> None:
    """Two services never share a port silently."""
    with running(scorer()) as service, pytest.raises(Precondition) as error:
        build_server(ServerSettings(f"127.0.0.1:{service.server.port}"), [scorer()])

    assert error.value.reason == "ADDRESS_IN_USE"


def test_a_message_over_the_bound_is_refused() -> None:
    """The servicer never sees it."""
    small = replace(LOOPBACK, max_message_bytes=1000)

    with running(scorer(), settings=small) as service, pytest.raises(grpc.RpcError) as error:
        service.score(scorer_pb2.ScoreRequest(model="x" * 2000))

    assert call_error(error.value).code == "RESOURCE_EXHAUSTED"
    assert service.finished == []


def test_a_graceful_stop_answers_what_is_running_and_nothing_new() -> None:
    """The running call gets its answer; a new one is refused; stop() returns after both."""
    gate, stopping = Gate(), threading.Event()

    with running(scorer(gate.score), stopping=stopping) as service, ThreadPoolExecutor(2) as pool:
        inside = pool.submit(service.score)
        assert gate.entered.acquire(timeout=DEADLINE_S)
        stopped = pool.submit(service.server.stop, DEADLINE_S)
        assert stopping.wait(DEADLINE_S)
        with pytest.raises(grpc.RpcError) as error:
            service.score(timeout_s=5)
        was_stopped = stopped.done()
        gate.open.set()
        answered = inside.result().prediction
        stopped.result(timeout=DEADLINE_S)

    assert answered == "made"
    assert call_error(error.value).code in {"UNAVAILABLE", "CANCELLED"}
    assert not was_stopped


def test_a_health_watcher_hears_of_a_stop_first_and_does_not_hold_it_up() -> None:
    """NOT_SERVING comes while a call is still running; then the watch ends, long before the grace does."""
    gate = Gate()

    with running(scorer(gate.score)) as service, ThreadPoolExecutor(2) as pool:
        watching = health_pb2_grpc.HealthStub(service.channel).Watch(  # type: ignore[attr-defined]  # untyped in typeshed
            health_pb2.HealthCheckRequest(service=SCORER), timeout=DEADLINE_S
        )
        before = next(watching).status
        inside = pool.submit(service.score)
        assert gate.entered.acquire(timeout=DEADLINE_S)
        stopped = pool.submit(service.server.stop, 1000)
        told = [update.status for update in watching]
        was_answered = inside.done()
        gate.open.set()
        answered = inside.result().prediction
        stopped.result(timeout=DEADLINE_S)

    assert (before, told) == (SERVING, [NOT_SERVING])
    assert not was_answered
    assert answered == "made"


def test_a_second_stop_with_a_shorter_grace_cancels_what_still_runs() -> None:
    """A call that never ends cannot hold the process."""
    gate = Gate()

    with running(scorer(gate.score)) as service, ThreadPoolExecutor(2) as pool:
        inside = pool.submit(service.score)
        assert gate.entered.acquire(timeout=DEADLINE_S)
        patient = pool.submit(service.server.stop, 1000)
        service.server.stop(grace_seconds=0)
        patient.result(timeout=DEADLINE_S)
        error = inside.exception(timeout=DEADLINE_S)
        gate.open.set()

    assert isinstance(error, grpc.RpcError)
    assert call_error(error).code in {"UNAVAILABLE", "CANCELLED"}


def test_an_endless_stream_ends_when_the_server_stops() -> None:
    """A stream that looks at `stopping` does not use up the grace."""
    stopping = threading.Event()

    def watch(
        _request: dataset_pb2.WatchDatasetRequest, _context: grpc.ServicerContext
    ) -> Iterator[dataset_pb2.WatchDatasetResponse]:
        yield dataset_pb2.WatchDatasetResponse()
        stopping.wait(DEADLINE_S)

    with running(trainer(watch), stopping=stopping) as service:
        call = service.watch()
        next(call)
        service.server.stop(grace_seconds=1000)
        rest = list(call)

    assert rest == []
    assert [rpc.code for rpc in service.finished] == ["OK"]
