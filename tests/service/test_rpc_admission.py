"""What a server takes on: calls wait for a thread, and who comes while too many wait is told so at once."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from counterfoil.client.errors import call_error
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.scorer.v1.scorer_pb2_grpc import ScorerServiceStub
from counterfoil.trainer.v1 import dataset_pb2
from shared.rpc.admission import TOLD_OF_A_CROWD
from tests.lending import eventually
from tests.service.rpc_service import DEADLINE_S, LOOPBACK, SCORER, Running, answer, running, scorer, trainer

PATIENCE_S = 60.0


class Gate:
    """A Score that stays inside until it is let out; `inside` counts those who came in."""

    def __init__(self) -> None:
        self.inside = 0
        self._open = threading.Event()

    def score(self, request: scorer_pb2.ScoreRequest, context: grpc.ServicerContext) -> scorer_pb2.ScoreResponse:
        """Answer once the gate is open."""
        self.inside += 1
        assert self._open.wait(PATIENCE_S)
        return answer(request, context)

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Keep everybody inside for the length of a `with` block."""
        try:
            yield
        finally:
            self.open()

    def open(self) -> None:
        """Let everybody out."""
        self._open.set()


def watch(_request: object, _context: grpc.ServicerContext) -> Iterator[dataset_pb2.WatchDatasetResponse]:
    """Tell one thing."""
    yield dataset_pb2.WatchDatasetResponse()


def begin(channel: grpc.Channel, calls: int) -> list[Any]:
    """Begin so many calls of Score."""
    score = ScorerServiceStub(channel).Score
    return [score.future(scorer_pb2.ScoreRequest(), timeout=PATIENCE_S) for _ in range(calls)]


def fill(service: Running, gate: Gate, *, threads: int, waiting: int) -> list[Any]:
    """Begin calls that take all threads, and then so many that wait for one."""
    calls = begin(service.channel, threads)
    eventually(lambda: gate.inside == threads, timeout_s=PATIENCE_S, what="taking all threads")
    return calls + begin(service.channel, waiting)


def refused(service: Running) -> int:
    """Return how many calls the server says it refused."""
    return sum(rpc.reason == "OVERLOADED" for rpc in service.finished)


def test_when_as_many_wait_as_may_each_other_call_is_refused_with_the_reason() -> None:
    """RESOURCE_EXHAUSTED, OVERLOADED, whatever the kind of its method; who waited is answered, and who comes later."""
    gate = Gate()
    full = replace(LOOPBACK, handler_threads=2, crowd_rpcs=3, max_waiting_rpcs=3)

    with running(scorer(gate.score), trainer(watch), settings=full) as service:
        with gate.closed():
            taken = fill(service, gate, threads=2, waiting=3)
            with pytest.raises(grpc.RpcError) as single:
                service.score()
            with pytest.raises(grpc.RpcError) as stream:
                list(service.watch())
        answers = [call.result().prediction for call in taken]
        later = service.score().prediction

    for error in (single, stream):
        assert (call_error(error.value).code, call_error(error.value).reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
    assert [*answers, later] == ["made"] * 6
    assert refused(service) == 2
    assert {rpc.caller for rpc in service.finished} == {"unverified"}


def test_in_a_crowd_every_fiftieth_call_is_refused_and_the_others_wait() -> None:
    """Callers hear of it early, and nearly all are answered."""
    gate = Gate()
    crowded = replace(LOOPBACK, handler_threads=1, crowd_rpcs=1, max_waiting_rpcs=1000, max_connection_rpcs=1000)

    with running(scorer(gate.score), settings=crowded) as service, gate.closed():
        fill(service, gate, threads=1, waiting=1)
        calls = begin(service.channel, 2 * TOLD_OF_A_CROWD)
        eventually(lambda: refused(service) == 2, timeout_s=PATIENCE_S, what="refusing two")
        eventually(lambda: sum(call.done() for call in calls) == 2, timeout_s=PATIENCE_S, what="telling two")
        told = [call.code() for call in calls if call.done()]
        gate.open()
        ended = [call.code() for call in calls]

    assert told == [grpc.StatusCode.RESOURCE_EXHAUSTED] * 2
    assert sorted(ended, key=str) == [grpc.StatusCode.OK] * (len(calls) - 2) + told


def test_health_is_told_however_many_wait() -> None:
    """A server that is busy is not restarted for that: the question waits its turn like a call, and is answered."""
    gate = Gate()
    full = replace(LOOPBACK, handler_threads=1, crowd_rpcs=1, max_waiting_rpcs=1)

    with running(scorer(gate.score), settings=full) as service:
        with gate.closed():
            fill(service, gate, threads=1, waiting=1)
            check = health_pb2_grpc.HealthStub(service.channel).Check  # type: ignore[attr-defined]  # untyped
            asked = check.future(health_pb2.HealthCheckRequest(service=SCORER), timeout=PATIENCE_S)
            with pytest.raises(grpc.RpcError):
                service.score()
        told = asked.result().status

    assert told == health_pb2.HealthCheckResponse.SERVING


def test_a_client_keeps_to_itself_what_its_connection_may_not_have_here() -> None:
    """It is not refused, and takes no place of others: a second connection is answered meanwhile."""
    gate = Gate()
    narrow = replace(LOOPBACK, max_connection_rpcs=2)

    with running(scorer(gate.score), trainer(watch), settings=narrow) as service, ExitStack() as stack:
        with gate.closed():
            calls = begin(service.channel, 5)
            eventually(lambda: gate.inside == 2, timeout_s=PATIENCE_S, what="taking two")
            other = grpc.insecure_channel(f"127.0.0.1:{service.server.port}", [("grpc.use_local_subchannel_pool", 1)])
            told = list(replace(service, channel=stack.enter_context(other)).watch())
            inside = gate.inside
        answers = [call.result(timeout=DEADLINE_S).prediction for call in calls]

    assert (inside, len(told)) == (2, 1)
    assert answers == ["made"] * 5
