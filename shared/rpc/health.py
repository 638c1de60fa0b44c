"""Health as grpc.health.v1 tells it, whose watchers do not hold up the end of a server."""

import threading
from collections.abc import Callable
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2


class Health(health.HealthServicer):
    """The library's servicer, which can end its watches: a stopping server would wait for them until its grace ends."""

    def __init__(self) -> None:
        super().__init__()
        self._watches: set[Callable[[Any], None]] = set()
        self._guard = threading.Lock()

    def Watch(  # noqa: N802  # gRPC gives the name
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.ServicerContext,
        send_response_callback: Callable[[Any], None] | None = None,
    ) -> Any:
        """Tell each change through the callback that gRPC gives to a servicer that needs no thread for it."""
        if send_response_callback is not None:
            with self._guard:
                self._watches.add(send_response_callback)
            context.add_callback(lambda: self._forget(send_response_callback))
        return super().Watch(request, context, send_response_callback)

    def end_watches(self) -> None:
        """End each watch after what it was told last."""
        with self._guard:
            watches = tuple(self._watches)
        for send in watches:
            send(None)

    def _forget(self, send: Callable[[Any], None]) -> None:
        with self._guard:
            self._watches.discard(send)
