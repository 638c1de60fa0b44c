"""Domain errors as google.rpc.Status: the one place where status codes are chosen."""

from collections.abc import Sequence

from google.protobuf import any_pb2, message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from shared.errors import (
    AlreadyExists,
    CounterfoilError,
    Exhausted,
    FieldViolation,
    InvalidInput,
    NotFound,
    Precondition,
    Unavailable,
)

DOMAIN = "counterfoil"
INTERNAL_REASON = "INTERNAL"
INTERNAL_MESSAGE = "the server failed inside; its log tells more under the time and method of this call"

# A status travels in HTTP/2 trailers, once as text with up to three bytes per byte, once in base64. Clients refuse
# trailers over 8 KiB with an error that hides ours, so the parts are cut to stay below that together.
MAX_MESSAGE_BYTES = 1000
MAX_VIOLATIONS_BYTES = 2000
MAX_METADATA_BYTES = 500

_CODES: tuple[tuple[type[CounterfoilError], int], ...] = (
    (InvalidInput, code_pb2.INVALID_ARGUMENT),
    (NotFound, code_pb2.NOT_FOUND),
    (AlreadyExists, code_pb2.ALREADY_EXISTS),
    (Precondition, code_pb2.FAILED_PRECONDITION),
    (Unavailable, code_pb2.UNAVAILABLE),
    (Exhausted, code_pb2.RESOURCE_EXHAUSTED),
)


def _cut(text: str, limit: int) -> str:
    """Return the text with at most so many bytes of UTF-8, ending in an ellipsis where it was cut."""
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    return encoded[: limit - 3].decode(errors="ignore") + "…"


def _packed(detail: message.Message) -> any_pb2.Any:
    """Return the detail wrapped for a status."""
    wrapped = any_pb2.Any()
    wrapped.Pack(detail)
    return wrapped


def _bad_request(violations: Sequence[FieldViolation]) -> error_details_pb2.BadRequest:
    """Return the violations that fit the trailers, in their order."""
    detail = error_details_pb2.BadRequest()
    for violation in violations:
        field, description = _cut(violation.field, 200), _cut(violation.description, 400)
        detail.field_violations.add(field=field, description=description)
        if detail.ByteSize() > MAX_VIOLATIONS_BYTES:
            del detail.field_violations[-1]
            break
    return detail


def _error_info(error: CounterfoilError) -> error_details_pb2.ErrorInfo:
    """Return the stable reason with as much of the metadata as fits."""
    info = error_details_pb2.ErrorInfo(domain=DOMAIN, reason=error.reason)
    budget = MAX_METADATA_BYTES
    for key, value in error.metadata.items():
        budget -= len(key.encode()) + len(value.encode())
        if budget >= 0:
            info.metadata[key] = value
    return info


def _code(error: CounterfoilError) -> int:
    """Return the canonical code of the error's kind."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), code_pb2.INTERNAL)


def code_name(error: CounterfoilError) -> str:
    """Return the canonical code of the error's kind as it is written, for example "INVALID_ARGUMENT"."""
    return str(code_pb2.Code.Name(_code(error)))


def to_status(error: CounterfoilError) -> status_pb2.Status:
    """Return the error as a status with an ErrorInfo and, for InvalidInput, a BadRequest.

    Long messages, many violations and large metadata are cut so that the status fits a client's limit on trailers;
    metadata then holds `violations`, how many there were.
    """
    info = _error_info(error)
    details = [info]
    if isinstance(error, InvalidInput):
        bad_request = _bad_request(error.violations)
        details.append(bad_request)
        if len(bad_request.field_violations) < len(error.violations):
            info.metadata["violations"] = str(len(error.violations))
    text = _cut(error.message, MAX_MESSAGE_BYTES)
    return status_pb2.Status(code=_code(error), message=text, details=[_packed(detail) for detail in details])


def internal_status() -> status_pb2.Status:
    """Return the status of an unforeseen failure; it says nothing about the inside."""
    info = error_details_pb2.ErrorInfo(domain=DOMAIN, reason=INTERNAL_REASON)
    return status_pb2.Status(code=code_pb2.INTERNAL, message=INTERNAL_MESSAGE, details=[_packed(info)])
