"""The boundary around every handler: errors become statuses, and each call ends in one record for the log."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, TypeAlias, cast

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2, status_pb2
from grpc_status import rpc_status

from shared.errors import CounterfoilError, InvalidInput
from shared.logs import log_event
from shared.rpc.caller import UNVERIFIED, caller_of, remember_caller
from shared.rpc.encoded import Encoded
from shared.rpc.statuses import INTERNAL_REASON, internal_status, to_status
from shared.rpc.unparsed import Unparsed, malformed

_LOGGER = logging.getLogger("counterfoil.rpc")
_MAX_REQUEST_ID = 128

# Quoted: only the type stubs know parameters.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class FinishedRpc(NamedTuple):
    """How a call ended: nothing in it comes from the request but the caller's own request_id.

    `model_version` is the one that the reply names, empty if it names none.
    """

    method: str
    request_id: str
    model_version: str
    code: str
    reason: str
    latency_ms: float
    caller: str


class FailedRpc(NamedTuple):
    """How a call failed: `fields` are the paths that were found wrong, `request` is what its handler was given."""

    rpc: FinishedRpc
    fields: Sequence[str]
    request: object

    @property
    def message(self) -> Message | None:
        """What was sent; None where that is no message, or a stream of them."""
        request = self.request
        if isinstance(request, Unparsed):
            with suppress(InvalidInput):
                request = request.message
        return request if isinstance(request, Message) else None


class Listeners(NamedTuple):
    """Who is told of each call that ends, and who of each that fails; both on the handler's thread."""

    on_rpc: Callable[[FinishedRpc], None] | None
    on_failure: Callable[[FailedRpc], None] | None = None


def log_rpc(rpc: FinishedRpc) -> None:
    """Write the log line of a call."""
    log_event(
        _LOGGER,
        "rpc",
        method=rpc.method,
        request_id=rpc.request_id,
        model_version=rpc.model_version,
        code=rpc.code,
        reason=rpc.reason,
        ms=round(rpc.latency_ms, 3),
        caller=rpc.caller,
    )


class _Around:
    """Takes handlers for a server."""

    def __init__(self, server: grpc.Server, wrap: Callable[[str, Handler], Handler]) -> None:
        self._server = server
        self._wrap = wrap

    def add_registered_method_handlers(self, service_name: str, method_handlers: Mapping[str, Handler]) -> None:
        """Add the handlers of a service by the names of its methods."""
        wrapped = {name: self._wrap(f"/{service_name}/{name}", each) for name, each in method_handlers.items()}
        self._server.add_registered_method_handlers(service_name, wrapped)

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Add handlers that are asked about methods which are not registered."""
        self._server.add_generic_rpc_handlers([_Generic(each, self._wrap) for each in generic_rpc_handlers])


class _Generic(grpc.GenericRpcHandler):
    """Finds the handler of a method as the original does, and wraps it."""

    def __init__(self, original: grpc.GenericRpcHandler, wrap: Callable[[str, Handler], Handler]) -> None:
        self._original = original
        self._wrap = wrap

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "Handler | None":
        """Return the wrapped handler of the method; None where there is none."""
        handler = self._original.service(handler_call_details)
        return None if handler is None else self._wrap(handler_call_details.method, handler)


class _Call:
    """One running call; when it ends, its error becomes the call's status, and the record is handed over."""

    __slots__ = ("_context", "_listeners", "_method", "_request", "_started")

    def __init__(self, method: str, request: object, context: grpc.ServicerContext, listeners: Listeners) -> None:
        self._started = time.perf_counter()
        self._method = method
        self._request = request
        self._context = context
        self._listeners = listeners

    def ended(self, model_version: str = "") -> None:
        """Hand over the record of a call that was answered."""
        if self._listeners.on_rpc is not None:
            self._listeners.on_rpc(self._finished("OK", "", model_version))

    def failed(self, error: BaseException) -> None:
        """Hand over the record, and end the call with the error's status, but for a caller that has gone."""
        if not isinstance(error, Exception) or (isinstance(error, grpc.RpcError) and not self._context.is_active()):
            # A generator that is closed, or a request stream that broke off: the caller has gone.
            self._ended_badly("CANCELLED")
        elif isinstance(error, CounterfoilError):
            self._abort(to_status(error), error.reason, error.fields)
        else:
            _LOGGER.error("handler failed", exc_info=error, extra={"fields": {"method": self._method}})
            self._abort(internal_status(), INTERNAL_REASON)

    def _abort(self, status: status_pb2.Status, reason: str, fields: Sequence[str] = ()) -> None:
        self._ended_badly(code_pb2.Code.Name(status.code), reason, fields)
        self._context.abort_with_status(rpc_status.to_status(status))

    def _ended_badly(self, code: str, reason: str = "", fields: Sequence[str] = ()) -> None:
        finished = self._finished(code, reason)
        if self._listeners.on_rpc is not None:
            self._listeners.on_rpc(finished)
        if self._listeners.on_failure is not None:
            self._listeners.on_failure(FailedRpc(finished, fields, self._request))

    def _finished(self, code: str, reason: str, model_version: str = "") -> FinishedRpc:
        latency_ms = (time.perf_counter() - self._started) * 1000
        request_id = getattr(self._request, "request_id", "")[:_MAX_REQUEST_ID]
        caller = caller_of(self._context)
        return FinishedRpc(self._method, request_id, model_version, code, reason, latency_ms, caller)


class Boundary:
    """Wraps the handlers of services, unary and streaming, when they are added to a server.

    An interceptor of gRPC's would be asked again at each call, which takes longer than the rest of the boundary.
    """

    def __init__(
        self,
        listeners: Listeners,
        model_version_of: Callable[[Any], str],
        *,
        encrypted: bool,
        unparsed: Collection[str] = (),
    ) -> None:
        self._encrypted = encrypted
        self._unparsed = unparsed
        self._listeners = listeners
        self._model_version_of = model_version_of

    def around(self, server: grpc.Server) -> grpc.Server:
        """Return what takes the handlers of a servicer in place of the server, which gets them wrapped."""
        # The functions that are generated for servicers call nothing but these two methods.
        return cast("grpc.Server", _Around(server, self._wrap))

    def _wrap(self, method: str, handler: Handler) -> Handler:
        """Return the handler inside the boundary, of the same kind."""
        make, behaviour = _parts(handler)
        reading = _leaving if method in self._unparsed else _reading
        wrap = self._streaming if handler.response_streaming else self._single
        return make(
            wrap(method, _refusing_unreadable(behaviour) if handler.request_streaming else behaviour),
            request_deserializer=reading(handler.request_deserializer),
            response_serializer=_writing(handler.response_serializer),
        )

    def _single(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a handler with one response."""

        def call(request: object, context: grpc.ServicerContext) -> object:
            """Answer inside the boundary."""
            if not self._encrypted:
                remember_caller(context, UNVERIFIED)
            running = _Call(method, request, context, self._listeners)
            try:
                reply = behaviour(_readable(request), context)
            except BaseException as error:
                running.failed(error)
                raise
            version = reply.model_version if isinstance(reply, Encoded) else self._model_version_of(reply)
            running.ended(version)
            return reply

        return call

    def _streaming(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a handler with a stream of responses."""

        def call(request: object, context: grpc.ServicerContext) -> Iterator[object]:
            """Answer inside the boundary until the last response."""
            running = _Call(method, request, context, self._listeners)
            try:
                yield from behaviour(_readable(request), context)
            except BaseException as error:
                running.failed(error)
                raise
            running.ended()

        return call


def _writing(serialize: Callable[[Any], bytes] | None) -> Callable[[Any], bytes] | None:
    """Return the serializer with the bytes of what is serialised already left as they are."""
    if serialize is None:
        return None

    def write(reply: object) -> bytes:
        """Serialise the reply."""
        return reply.content if isinstance(reply, Encoded) else serialize(reply)

    return write


class _Unreadable:
    """Stands for a request whose bytes are no message."""


_UNREADABLE = _Unreadable()


def _reading(parse: Callable[[bytes], Any] | None) -> Callable[[bytes], Any] | None:
    """Return the deserializer with `_UNREADABLE` in place of what it cannot parse."""
    if parse is None:
        return None

    def read(content: bytes) -> object:
        """Parse the request."""
        try:
            return parse(content)
        except DecodeError:
            return _UNREADABLE

    return read


def _leaving(parse: Callable[[bytes], Any] | None) -> Callable[[bytes], Any] | None:
    """Return the deserializer that leaves it to the handler to parse what it needs."""
    return None if parse is None else partial(Unparsed, parse=parse)


def _refusing_unreadable(behaviour: Callable[..., Any]) -> Callable[..., Any]:
    """Return the handler of a stream of requests behind a look at each of them."""

    def call(requests: Iterator[object], context: grpc.ServicerContext) -> Any:
        """Answer readable requests alone."""
        return behaviour(map(_readable, requests), context)

    return call


def _readable(request: object) -> object:
    if request is _UNREADABLE:
        raise malformed()
    return request


def _parts(handler: Handler) -> tuple[Callable[..., Handler], Callable[..., Any]]:
    """Return what makes a handler of this kind, and the function in it."""
    kinds = {
        (False, False): (grpc.unary_unary_rpc_method_handler, handler.unary_unary),
        (False, True): (grpc.unary_stream_rpc_method_handler, handler.unary_stream),
        (True, False): (grpc.stream_unary_rpc_method_handler, handler.stream_unary),
        (True, True): (grpc.stream_stream_rpc_method_handler, handler.stream_stream),
    }
    make, behaviour = kinds[(bool(handler.request_streaming), bool(handler.response_streaming))]
    if behaviour is None:
        raise TypeError("a handler without its function")
    return make, behaviour
