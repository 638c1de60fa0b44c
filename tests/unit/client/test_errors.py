"""What a failed call said."""

from typing import Any

import grpc
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
