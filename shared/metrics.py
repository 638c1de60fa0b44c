"""Figures for Prometheus, over HTTP, on an address of their own; they hold no value of any applicant."""

import threading
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server

from shared.errors import InvalidInput, Precondition
from shared.settings import variable_of

_LAST_PORT = 65_535


class MetricsServer:
    """Answers every GET with the figures of a registry, from its making to stop()."""

    def __init__(self, server: WSGIServer, thread: threading.Thread) -> None:
        self._server = server
        self._thread = thread

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_port)

    def stop(self) -> None:
        """Stop listening; the port is free on return, and an answer under way may be cut off."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def serve_metrics(registry: CollectorRegistry, address: str, *, setting: str) -> MetricsServer | None:
    """Serve the registry on host:port in a thread of its own; an empty address serves nothing and returns None.

    It speaks plain HTTP to whoever reaches the address; port 0 takes a free one. `setting` names the address in
    errors; name it after its service (`monitor_metrics_address`), since services of one machine share variables.
    Raises InvalidInput (INVALID_SETTING) for what is no address, Precondition (ADDRESS_IN_USE) if it cannot be
    listened on.
    """
    if not address:
        return None
    host, port = _split(address, setting)
    try:
        return MetricsServer(*start_http_server(port, host, registry))
    except OSError as error:
        raise Precondition(
            f"cannot serve metrics on {address}: another process holds the port, or the host is not this machine's; "
            f"set another {variable_of(setting)}, or leave it empty",
            reason="ADDRESS_IN_USE",
        ) from error


def _split(address: str, setting: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > _LAST_PORT:
        description = f"is {address!r}; give host:port, such as 127.0.0.1:9090, or leave it empty to serve none"
        raise InvalidInput.of(variable_of(setting), description, reason="INVALID_SETTING")
    return host.removeprefix("[").removesuffix("]"), int(port)
