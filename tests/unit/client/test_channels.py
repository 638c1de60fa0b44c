"""Deadlines and retries of every channel, against a real server."""

import threading
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest

from counterfoil.client import channels
from counterfoil.client.channels import TlsFiles, open_channel, service_config
from counterfoil.monitor.v1 import monitor_pb2
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.trainer.v1 import trainer_pb2

GET = "/counterfoil.trainer.v1.TrainerService/GetDataset"
CREATE = "/counterfoil.trainer.v1.TrainerService/CreateDataset"
WATCH = "/counterfoil.trainer.v1.TrainerService/WatchDataset"


class Server(grpc.GenericRpcHandler):
    """Remembers the deadline of each call; fails the first calls of a method with UNAVAILABLE as often as told."""

    def __init__(self) -> None:
        self.failures = 0
        self.calls: list[tuple[str, float]] = []
        self.address = ""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """Return the handler of any method."""
        method = handler_call_details.method

        def unary(_request: bytes, context: grpc.ServicerContext) -> bytes:
            self.calls.append((method, context.time_remaining()))
            if len(self.calls) <= self.failures:
                context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
            return b""

        def stream(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            yield unary(request, context)

        if method == WATCH:
            return grpc.unary_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(unary)


def _call(channel: grpc.Channel, method: str, **options: float) -> None:
    """Call a method with an empty message and wait for all of its answer."""
    call: Any = channel.unary_stream(method) if method == WATCH else channel.unary_unary(method)
    answer = call(b"", **options)
    if method == WATCH:
        list(answer)


@pytest.fixture
def server() -> Iterator[Server]:
    """Run the server on a port of its own."""
    handler = Server()
    running = grpc.server(futures.ThreadPoolExecutor(2), handlers=[handler])
    handler.address = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    running.start()
    yield handler
    stopped: threading.Event = running.stop(None)
    stopped.wait()


def test_call_without_a_deadline_gets_one(server: Server) -> None:
    """A minute for a call, an hour for a stream; Python's gRPC would wait forever."""
    with open_channel(server.address) as channel:
        _call(channel, GET)
        _call(channel, WATCH)

    (_, call), (_, stream) = server.calls
    # Deadlines are rounded up on the wire, and what remains is told by a clock that the machine may be setting right.
    assert 50 < call <= channels.UNARY_DEADLINE_S + 5
    assert 3500 < stream <= channels.STREAM_DEADLINE_S + 60


def test_deadline_that_is_given_is_kept(server: Server) -> None:
    """The caller knows better."""
    with open_channel(server.address) as channel:
        _call(channel, GET, timeout=7)

    assert 5 < server.calls[0][1] < 8


def test_idempotent_call_is_sent_again_while_the_service_is_unavailable(server: Server) -> None:
    """A restart of the service is not seen by who only reads."""
    server.failures = 2

    with open_channel(server.address) as channel:
        _call(channel, GET)

    assert len(server.calls) == 3


def test_create_is_never_sent_twice(server: Server) -> None:
    """Without a request_id it could make two."""
    server.failures = 1

    with open_channel(server.address) as channel, pytest.raises(grpc.RpcError, match="not now"):
        _call(channel, CREATE)

    assert len(server.calls) == 1


def test_every_retried_method_is_one_that_can_be_repeated() -> None:
    """Neither a create, nor a score, nor a promotion is in the retry policy."""
    methods = {entry["method"] for entry in service_config()["methodConfig"][0]["name"]}

    assert {"GetDataset", "WatchTrainingJob", "IngestPredictions", "ReloadModel"} <= methods
    assert methods.isdisjoint({"Score", "StreamScore", "PromoteModelVersion", "CreateDriftReport"})


def test_tls_file_that_cannot_be_read_is_an_error_before_any_call(tmp_path: Path) -> None:
    """The path is in the error."""
    with pytest.raises(FileNotFoundError, match=r"absent\.pem"):
        open_channel("127.0.0.1:1", tls=TlsFiles(root_certificates=tmp_path / "absent.pem"))


def test_exactly_the_methods_that_can_be_repeated_are_retried() -> None:
    """A new rpc must be sorted here by hand: whether it is retried is a decision, not a spelling."""
    never = {
        *("CreateDataset", "CreateTrainingJob", "CreateDriftReport"),
        *("CreateModelVersion", "PromoteModelVersion", "DemoteModelVersion", "DeleteModelVersion", "DeleteDataset"),
        *("StreamScore", "ScoreDataset"),
        *("Score", "BatchScore", "AcknowledgeAlert", "ApproveRetrainProposal", "RejectRetrainProposal"),
        *("RecordOverride", "ErasePersonalData", "RefreshApplicants"),
    }
    services = (trainer_pb2, scorer_pb2, monitor_pb2)
    every = {
        (service.full_name, method.name)
        for module in services
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }

    (policy,) = service_config()["methodConfig"]

    retried = {(entry["service"], entry["method"]) for entry in policy["name"]}
    assert {method for _, method in every - retried} == never
    assert retried <= every
    assert len(policy["name"]) == len(retried)
    assert policy["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]
