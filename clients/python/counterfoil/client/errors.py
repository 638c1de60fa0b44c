"""What a failed call said, read out of gRPC's rich status."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status


@dataclass(frozen=True)
class FieldProblem:
    """One invalid field: its path as the request has it, and what is wrong with it."""

    field: str
    description: str


@dataclass(frozen=True)
class CallError:
    """A failed call: canonical code, stable reason, and a sentence with the remedy.

    The reason is empty when the server sent none; `fields` and `metadata` then are too.
    """

    code: str
    reason: str
    message: str
    fields: tuple[FieldProblem, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


def call_error(error: grpc.RpcError) -> CallError:
    """Return what the error says; one that carries no rich status, such as a refused connection, has no reason.

    A rich status that cannot be read, or says something else than the call itself, counts as none.
    """
    call: object = error
    if not isinstance(call, grpc.Call):
        return CallError(code=grpc.StatusCode.UNKNOWN.name, reason="", message=str(error))
    try:
        status = rpc_status.from_call(call)
    except (ValueError, DecodeError):
        # A proxy that gives a call another code leaves the details of the first one in its trailers.
        status = None
    if status is None:
        return CallError(code=call.code().name, reason="", message=call.details() or "")
    return status_error(status)


def status_error(status: status_pb2.Status) -> CallError:
    """Return what a status says, such as the one of a batch's row."""
    info = error_details_pb2.ErrorInfo()
    problems: list[FieldProblem] = []
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            problems.extend(_problems(detail.value))
    return CallError(
        code=_code_name(status.code),
        reason=info.reason,
        message=status.message,
        fields=tuple(problems),
        metadata=dict(info.metadata),
    )


def _problems(serialized: bytes) -> list[FieldProblem]:
    request = error_details_pb2.BadRequest.FromString(serialized)
    return [FieldProblem(each.field, each.description) for each in request.field_violations]


def _code_name(number: int) -> str:
    names = {code.value[0]: code.name for code in grpc.StatusCode}
    return names.get(number, grpc.StatusCode.UNKNOWN.name)
