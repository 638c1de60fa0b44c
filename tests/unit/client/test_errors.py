"""What a failed call said."""

from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

from counterfoil.client.errors import CallError, FieldProblem, call_error, status_error


def test_rich_status_gives_code_reason_fields_and_metadata() -> None:
    """Everything that the service said is kept."""
    status = status_pb2.Status(code=code_pb2.INVALID_ARGUMENT, message="wrong", details=[any_pb2.Any(), any_pb2.Any()])
    status.details[0].Pack(error_details_pb2.ErrorInfo(reason="INVALID_FIELD", metadata={"k": "v"}))
    violation = error_details_pb2.BadRequest.FieldViolation(field="a.b", description="too long")
    status.details[1].Pack(error_details_pb2.BadRequest(field_violations=[violation]))

    found = status_error(status)

    assert found == CallError(
        "INVALID_ARGUMENT", "INVALID_FIELD", "wrong", (FieldProblem("a.b", "too long"),), {"k": "v"}
    )


def test_unknown_details_and_codes_are_passed_over() -> None:
    """A later service may send what this client does not know."""
    status = status_pb2.Status(code=99, message="new", details=[any_pb2.Any(type_url="x/y", value=b"z")])

    assert status_error(status) == CallError("UNKNOWN", "", "new")


def test_refused_connection_has_a_code_and_no_reason() -> None:
    """No service said anything."""
    with grpc.insecure_channel("127.0.0.1:1") as channel:
        call: Any = channel.unary_unary("/x/Y")
        try:
            call(b"", timeout=5)
        except grpc.RpcError as error:
            found = call_error(error)

    assert (found.code, found.reason) == ("UNAVAILABLE", "")
    assert found.message


def test_error_that_is_no_call_is_unknown() -> None:
    """Its text is all there is."""
    assert call_error(grpc.RpcError("odd")) == CallError("UNKNOWN", "", "odd")


class Proxy(grpc.GenericRpcHandler):
    """Fails every call as UNAVAILABLE with "gone", with the rich status in its trailers that it was given."""

    def __init__(self) -> None:
        self.trailer = b""
        self.address = ""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:  # noqa: ARG002  gRPC's signature
        """Return the handler of any method."""
        return grpc.unary_unary_rpc_method_handler(self._fail)

    def call(self) -> CallError:
        """Return what a call's failure says."""
        with grpc.insecure_channel(self.address) as channel:
            call: Any = channel.unary_unary("/x/Y")
            with pytest.raises(grpc.RpcError) as raised:
                call(b"", timeout=5)
        return call_error(raised.value)

    def _fail(self, _request: bytes, context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata((("grpc-status-details-bin", self.trailer),))
        context.abort(grpc.StatusCode.UNAVAILABLE, "gone")


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Run the proxy on a port of its own."""
    handler = Proxy()
    running = grpc.server(futures.ThreadPoolExecutor(1), handlers=[handler])
    handler.address = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    running.start()
    yield handler
    running.stop(None).wait()


def test_rich_status_of_the_same_call_is_read_out_of_its_trailers(proxy: Proxy) -> None:
    """Code and message agree, so the details count."""
    status = status_pb2.Status(code=code_pb2.UNAVAILABLE, message="gone", details=[any_pb2.Any()])
    status.details[0].Pack(error_details_pb2.ErrorInfo(reason="MLFLOW_UNAVAILABLE"))
    proxy.trailer = status.SerializeToString()

    assert proxy.call() == CallError("UNAVAILABLE", "MLFLOW_UNAVAILABLE", "gone")


@pytest.mark.parametrize(
    "trailer",
    [
        status_pb2.Status(code=code_pb2.NOT_FOUND, message="gone").SerializeToString(),
        status_pb2.Status(code=code_pb2.UNAVAILABLE, message="another").SerializeToString(),
        b"\xff\xff",
    ],
    ids=["another code", "another message", "garbage"],
)
def test_rich_status_that_contradicts_the_call_counts_as_none(proxy: Proxy, trailer: bytes) -> None:
    """A proxy may change a call's code and leave the trailers; the call's own words hold, and nothing crashes."""
    proxy.trailer = trailer

    assert proxy.call() == CallError("UNAVAILABLE", "", "gone")
