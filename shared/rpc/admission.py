"""Which calls a server takes, decided as soon as a call's headers are there (ADR 27)."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, NoReturn, ParamSpec, TypeVar

import grpc
from google.rpc import code_pb2
from grpc_health.v1 import health
from grpc_status import rpc_status

from shared.errors import Exhausted
from shared.rpc.boundary import FinishedRpc, Handler
from shared.rpc.caller import UNVERIFIED, caller_of
from shared.rpc.handler_threads import HandlerThreads
from shared.rpc.statuses import to_status

TOLD_OF_A_CROWD: Final = 50
"""Of so many calls that come while others crowd, one is refused."""
_HEALTH: Final = f"/{health.SERVICE_NAME}/"
_OVERLOADED: Final = Exhausted(
    "more calls wait here than this server can answer soon; call another one, or retry later, with fewer calls at once",
    reason="OVERLOADED",
)
_DONE: Final[Future[Any]] = Future()
_DONE.set_result(None)
P = ParamSpec("P")
T = TypeVar("T")


class Admission(grpc.ServerInterceptor):
    """Refuses calls with RESOURCE_EXHAUSTED (OVERLOADED) while many wait for a thread, but never those about health.

    While `crowd` wait some are refused, so that callers hear of it and most are still answered; while `most` do, all. A
    refused call takes no thread, and its message is not read. `on_rpc` receives each, with no request_id.
    """

    def __init__(
        self,
        threads: HandlerThreads,
        on_rpc: Callable[[FinishedRpc], None] | None,
        *,
        crowd: int,
        most: int,
        encrypted: bool,
    ) -> None:
        self._threads = threads
        self._on_rpc = on_rpc
        self._crowd, self._most = crowd, most
        self._encrypted = encrypted
        self._in_a_crowd = 0
        self._refusals: dict[str, Handler] = {}

    def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Handler | None]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Return the handler of the call, or what refuses it; on the one thread that takes calls."""
        handler, method = continuation(handler_call_details), handler_call_details.method
        waiting = self._threads.waiting
        if waiting < self._crowd or handler is None or method.startswith(_HEALTH):
            return handler
        self._in_a_crowd += 1
        if waiting < self._most and self._in_a_crowd % TOLD_OF_A_CROWD:
            return handler
        if method not in self._refusals:
            self._refusals[method] = self._refusal(method)
        return self._refusals[method]

    def _refusal(self, method: str) -> Handler:
        status = to_status(_OVERLOADED)
        record = FinishedRpc(method, "", "", code_pb2.Code.Name(status.code), _OVERLOADED.reason, 0.0, UNVERIFIED)

        def tell(context: grpc.ServicerContext) -> None:
            """Hand over the record of a call, whose caller the channel alone names."""
            if self._on_rpc is not None:
                self._on_rpc(record._replace(caller=caller_of(context)) if self._encrypted else record)

        # That its requests are a stream keeps gRPC from waiting for the first of them.
        return grpc.stream_unary_rpc_method_handler(_Refusing(rpc_status.to_status(status), tell))


class _AtOnce(ThreadPoolExecutor):
    """No threads at all: what is submitted is done before submit returns, with nothing to wait for."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Call the function."""
        fn(*args, **kwargs)
        return _DONE


class _Refusing:
    """Handles a call by refusing it, on the thread that takes calls."""

    # Looked up by gRPC; without it a refusal would wait for a thread like any other call.
    experimental_thread_pool = _AtOnce()

    def __init__(self, status: grpc.Status, tell: Callable[[grpc.ServicerContext], None]) -> None:
        self._status = status
        self._tell = tell

    def __call__(self, _requests: object, context: grpc.ServicerContext) -> NoReturn:
        self._tell(context)
        context.abort_with_status(self._status)
