"""Real servers whose services do what a test says, called through the project's own stubs over a real channel."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.scorer.v1.scorer_pb2_grpc import ScorerServiceStub
from counterfoil.trainer.v1 import dataset_pb2
from counterfoil.trainer.v1.trainer_pb2_grpc import TrainerServiceStub
from shared.rpc.boundary import FinishedRpc
from shared.rpc.server import RpcServer, ServerSettings, Service, build_server

SCORER = "counterfoil.scorer.v1.ScorerService"
TRAINER = "counterfoil.trainer.v1.TrainerService"
LOOPBACK = ServerSettings("127.0.0.1:0")
DEADLINE_S = 30.0

Score = Callable[[scorer_pb2.ScoreRequest, grpc.ServicerContext], scorer_pb2.ScoreResponse]
Watch = Callable[[dataset_pb2.WatchDatasetRequest, grpc.ServicerContext], Iterator[dataset_pb2.WatchDatasetResponse]]


def answer(_request: scorer_pb2.ScoreRequest, _context: grpc.ServicerContext) -> scorer_pb2.ScoreResponse:
    """Score as if everybody were the same."""
    return scorer_pb2.ScoreResponse(prediction="made")


def failing(error: Exception) -> Score:
    """Return a Score that raises the error."""

    def score(_request: scorer_pb2.ScoreRequest, _context: grpc.ServicerContext) -> scorer_pb2.ScoreResponse:
        raise error

    return score


def scorer(score: Score = answer, *, serving: bool = True) -> Service:
    """Return a ScorerService that knows Score alone."""
    handler = grpc.unary_unary_rpc_method_handler(
        score,
        request_deserializer=scorer_pb2.ScoreRequest.FromString,
        response_serializer=scorer_pb2.ScoreResponse.SerializeToString,
    )
    return only(SCORER, "Score", handler, serving=serving)


def trainer(watch: Watch) -> Service:
    """Return a TrainerService that knows WatchDataset alone."""
    handler = grpc.unary_stream_rpc_method_handler(
        watch,
        request_deserializer=dataset_pb2.WatchDatasetRequest.FromString,
        response_serializer=dataset_pb2.WatchDatasetResponse.SerializeToString,
    )
    return only(TRAINER, "WatchDataset", handler)


def only(name: str, method: str, handler: "grpc.RpcMethodHandler[Any, Any]", *, serving: bool = True) -> Service:
    """Return a service of that name that knows one method."""
    handlers = grpc.method_handlers_generic_handler(name, {method: handler})
    return Service(name, lambda server: server.add_generic_rpc_handlers((handlers,)), serving=serving)


@dataclass
class Running:
    """A server that answers, and a channel to it; `finished` are the records of its calls."""

    server: RpcServer
    channel: grpc.Channel
    finished: list[FinishedRpc] = field(default_factory=list)

    def score(
        self, request: scorer_pb2.ScoreRequest | None = None, *, timeout_s: float = DEADLINE_S
    ) -> scorer_pb2.ScoreResponse:
        """Call Score."""
        return ScorerServiceStub(self.channel).Score(request or scorer_pb2.ScoreRequest(), timeout=timeout_s)

    def watch(self, name: str = "") -> "grpc._CallIterator[dataset_pb2.WatchDatasetResponse]":
        """Call WatchDataset."""
        request = dataset_pb2.WatchDatasetRequest(name=name)
        return TrainerServiceStub(self.channel).WatchDataset(request, timeout=DEADLINE_S)


def open_plain(port: int) -> grpc.Channel:
    """Open a channel without TLS to a port of this machine."""
    return grpc.insecure_channel(f"127.0.0.1:{port}")


@contextmanager
def running(
    *services: Service,
    settings: ServerSettings = LOOPBACK,
    open_channel: Callable[[int], grpc.Channel] = open_plain,
    stopping: threading.Event | None = None,
) -> Iterator[Running]:
    """Run a server with these services for the length of the block."""
    finished: list[FinishedRpc] = []
    server = build_server(settings, services, on_rpc=finished.append, stopping=stopping)
    server.start()
    try:
        with open_channel(server.port) as channel:
            yield Running(server, channel, finished)
    finally:
        server.stop(grace_seconds=0)
