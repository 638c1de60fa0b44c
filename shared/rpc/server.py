"""A gRPC server with what each service needs: bounds, TLS, health, reflection, statuses and a graceful stop."""

import ipaddress
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from shared.errors import InvalidInput, Precondition
from shared.rpc.admission import Admission
from shared.rpc.boundary import Boundary, FailedRpc, FinishedRpc, Listeners, log_rpc
from shared.rpc.handler_threads import HandlerThreads
from shared.rpc.health import Health

_LAST_PORT = 65_535


@dataclass(frozen=True)
class ServerSettings:
    """How a server listens. Without certificate and key it speaks plain text, and then only on loopback.

    `tls_client_ca` turns on mutual TLS: each client must show a certificate that this authority signed.
    Calls that find all handler threads taken wait for one; when `max_waiting_rpcs` wait, one more is refused at once
    with RESOURCE_EXHAUSTED, and so are some as soon as `crowd_rpcs` do. A client with `max_connection_rpcs` calls on a
    connection keeps further ones with itself until one of them has ended.
    With `share_port` other processes of ours may listen on the address as well, and the system spreads connections over
    them. `private_socket` is a Unix socket, in a folder that nobody else may enter, on which it answers in plain text.
    """

    address: str
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    allow_insecure_remote: bool = False
    handler_threads: int = 64
    crowd_rpcs: int = 256
    max_waiting_rpcs: int = 256
    max_connection_rpcs: int = 100
    max_message_bytes: int = 32 * 1024 * 1024
    share_port: bool = False
    private_socket: Path | None = None
    grace_seconds: float = 10.0


@dataclass(frozen=True)
class Service:
    """One service of a server: its full proto name, and the function that adds its servicer.

    `serving` is the health it starts with; one that needs something first starts with False. Of the methods `unparsed`
    its servicer gets the requests as `Unparsed`.
    """

    name: str
    add: Callable[[grpc.Server], None]
    serving: bool = True
    unparsed: Collection[str] = ()


class RpcServer:
    """A server bound to its port; it answers from start() to stop()."""

    def __init__(
        self,
        server: grpc.Server,
        threads: HandlerThreads,
        health_servicer: Health,
        *,
        port: int,
        grace_seconds: float,
        stopping: threading.Event,
    ) -> None:
        self.port = port
        self._server = server
        self._threads = threads
        self._health = health_servicer
        self._grace = grace_seconds
        self._stopping = stopping

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def set_serving(self, service_name: str, serving: bool) -> None:
        """Tell health whether the service can answer; ignored once the server is stopping."""
        self._health.set(service_name, _health_status(serving))

    def stop(self, grace_seconds: float | None = None) -> None:
        """Set all health to NOT_SERVING, refuse new calls, let running ones end within the grace, then cancel them.

        Streams that watch something see `stopping` and end by themselves; those that watch health hear of it and end.
        Returns when the last call has ended. Calling it again, also meanwhile, is safe; a shorter grace then wins.
        """
        self._health.enter_graceful_shutdown()
        ended = self._server.stop(self._grace if grace_seconds is None else grace_seconds)
        self._health.end_watches()
        self._stopping.set()
        ended.wait()
        self._threads.end()


def _health_status(serving: bool) -> int:
    """Return the health status for a yes or no."""
    status = health_pb2.HealthCheckResponse
    return int(status.SERVING if serving else status.NOT_SERVING)


def build_server(
    settings: ServerSettings,
    services: Sequence[Service],
    *,
    on_rpc: Callable[[FinishedRpc], None] | None = log_rpc,
    on_failure: Callable[[FailedRpc], None] | None = None,
    model_version_of: Callable[[Any], str] = lambda _reply: "",
    stopping: threading.Event | None = None,
) -> RpcServer:
    """Return a server that is bound to its address and not started.

    `on_rpc` receives each ended call of the services on its handler's thread: by default it writes a log line (14 µs);
    pass another function to defer that, or None to log failures only. `on_failure` receives each call that failed.
    `model_version_of` says which model version a reply that is no stream comes from, empty for none. `stopping` is set
    as soon as the server refuses new calls: give it to servicers with endless streams, so that they end those instead
    of using up the grace.
    Raises InvalidInput for unusable settings, and Precondition when the address is not loopback and nothing protects
    it (INSECURE_REMOTE_ADDRESS) or cannot be listened on (ADDRESS_IN_USE).
    """
    credentials = _credentials(settings)
    _refuse_insecure_remote(settings, encrypted=credentials is not None)
    threads = HandlerThreads(settings.handler_threads)
    admission = Admission(
        threads,
        on_rpc,
        crowd=settings.crowd_rpcs,
        most=settings.max_waiting_rpcs,
        encrypted=credentials is not None,
    )
    server = grpc.server(threads, options=_options(settings), interceptors=[admission])
    if settings.private_socket is not None:
        _bind(server, f"unix:{settings.private_socket}", None)
    health_servicer = Health()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    unparsed = {f"/{service.name}/{method}" for service in services for method in service.unparsed}
    listeners = Listeners(on_rpc, on_failure)
    boundary = Boundary(listeners, model_version_of, encrypted=credentials is not None, unparsed=unparsed)
    for service in services:
        service.add(boundary.around(server))
        health_servicer.set(service.name, _health_status(service.serving))
    reflection.enable_server_reflection(
        [*(service.name for service in services), health.SERVICE_NAME, reflection.SERVICE_NAME], server
    )
    return RpcServer(
        server,
        threads,
        health_servicer,
        port=_bind(server, settings.address, credentials),
        grace_seconds=settings.grace_seconds,
        stopping=stopping or threading.Event(),
    )


def _options(settings: ServerSettings) -> list[tuple[str, int]]:
    """Return the channel arguments: one process a port or several, bounded messages, pings that find dead peers."""
    return [
        ("grpc.so_reuseport", int(settings.share_port)),
        ("grpc.max_concurrent_streams", settings.max_connection_rpcs),
        # With it gRPC counts calls that have ended but still lie in memory, and refuses streams to clients that keep to
        # the bound: two in three calls of a Python client at its limit ended UNAVAILABLE.
        ("grpc.http.overload_protection", 0),
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", settings.max_message_bytes),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        # Clients may ping as often as every 10 s, also while no call is running; grpc closes their channel otherwise.
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ]


def _read(field: str, path: Path) -> bytes:
    """Return the content of a file of the settings; InvalidInput names the variable."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput.of(f"COUNTERFOIL_{field.upper()}", f"cannot be read: {error.strerror}") from error


def _credentials(settings: ServerSettings) -> grpc.ServerCredentials | None:
    """Return the TLS credentials, or None for plain text."""
    if settings.tls_certificate is None or settings.tls_key is None:
        if settings.tls_certificate or settings.tls_key or settings.tls_client_ca:
            raise InvalidInput.of(
                "COUNTERFOIL_TLS_CERTIFICATE", "TLS needs both COUNTERFOIL_TLS_CERTIFICATE and COUNTERFOIL_TLS_KEY"
            )
        return None
    pair = (_read("tls_key", settings.tls_key), _read("tls_certificate", settings.tls_certificate))
    if settings.tls_client_ca is None:
        return grpc.ssl_server_credentials([pair])
    authority = _read("tls_client_ca", settings.tls_client_ca)
    return grpc.ssl_server_credentials([pair], root_certificates=authority, require_client_auth=True)


def _is_local(address: str) -> bool:
    """Tell whether only this machine reaches the address: a loopback host or a Unix socket."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    host, _, port = address.rpartition(":")
    # gRPC itself would take a port above the last one modulo 65,536.
    if not port.isdecimal() or int(port) > _LAST_PORT:
        raise InvalidInput.of("address", f"is {address!r}; give host:port, such as 127.0.0.1:50051")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def _refuse_insecure_remote(settings: ServerSettings, *, encrypted: bool) -> None:
    """Raise Precondition when applicants' data would cross a network unprotected and nobody accepted that."""
    if _is_local(settings.address) or encrypted or settings.allow_insecure_remote:
        return
    raise Precondition(
        f"{settings.address} can be reached from other machines and would be served in plain text; set "
        "COUNTERFOIL_TLS_CERTIFICATE and COUNTERFOIL_TLS_KEY, listen on 127.0.0.1, or accept the danger with "
        "COUNTERFOIL_ALLOW_INSECURE_REMOTE=true",
        reason="INSECURE_REMOTE_ADDRESS",
    )


def _bind(server: grpc.Server, address: str, credentials: grpc.ServerCredentials | None) -> int:
    """Bind the server and return its port."""
    try:
        if credentials is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise Precondition(
            f"cannot listen on {address}: another process holds the port, the address is not this machine's, or the "
            "TLS files are damaged; stop the other process or set another COUNTERFOIL_…_ADDRESS",
            reason="ADDRESS_IN_USE",
        ) from error
