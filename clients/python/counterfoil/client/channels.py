"""Channels to counterfoil's services: deadlines, retries, keepalive and message limits that fit them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import grpc

from counterfoil.monitor.v1 import monitor_pb2
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.trainer.v1 import trainer_pb2

# A batch of 1,000 scores with every reason named takes about 30 MiB.
MESSAGE_LIMIT_BYTES: Final = 64 * 1024 * 1024
UNARY_DEADLINE_S: Final = 60.0
STREAM_DEADLINE_S: Final = 3600.0
_KEEPALIVE_MS: Final = 60_000
_KEEPALIVE_TIMEOUT_MS: Final = 20_000

# Sending these twice has the effect of sending them once. Create, Score, Promote and Delete have not: their callers
# decide.
_READING_VERBS: Final = (
    *("Get", "List", "Watch", "Read"),
    *("Sample", "Describe", "Preview", "Compare", "Evaluate", "Verify", "Replay"),
)
_IDEMPOTENT_VERBS: Final = (*_READING_VERBS, "Cancel", "Reload", "Ingest", "RecordOutcomes")
_SERVICES: Final = (
    trainer_pb2.DESCRIPTOR.services_by_name["TrainerService"],
    scorer_pb2.DESCRIPTOR.services_by_name["ScorerService"],
    monitor_pb2.DESCRIPTOR.services_by_name["MonitorService"],
)


@dataclass(frozen=True)
class TlsFiles:
    """PEM files of a TLS channel.

    Without `root_certificates` gRPC's own are trusted; without `certificate` and `key` the client stays unnamed.
    """

    root_certificates: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


def open_channel(address: str, *, tls: TlsFiles | None = None) -> grpc.Channel:
    """Return a channel to `host:port`; nothing is connected until the first call.

    Every call has a deadline: where the caller gives none, 60 s, and an hour for a stream. Idempotent methods are
    retried while the service is UNAVAILABLE, with backoff. Raises OSError when a TLS file cannot be read.
    """
    options = channel_options()
    if tls is None:
        channel = grpc.insecure_channel(address, options=options)
    else:
        channel = grpc.secure_channel(address, _credentials(tls), options=options)
    return grpc.intercept_channel(channel, _DefaultDeadline())


def channel_options() -> list[tuple[str, str | int]]:
    """Return the gRPC channel arguments that every channel of the project has."""
    return [
        ("grpc.service_config", json.dumps(service_config())),
        ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
        ("grpc.max_receive_message_length", MESSAGE_LIMIT_BYTES),
        ("grpc.max_send_message_length", MESSAGE_LIMIT_BYTES),
    ]


def service_config() -> dict[str, Any]:
    """Return the gRPC service config: calls spread over all addresses of a name, idempotent methods retried."""
    retry = {
        "maxAttempts": 4,
        "initialBackoff": "0.1s",
        "maxBackoff": "1s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    return {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [{"name": list(_idempotent_methods()), "retryPolicy": retry}],
    }


def _idempotent_methods() -> Iterator[dict[str, str]]:
    for service in _SERVICES:
        for method in service.methods:
            if method.name.startswith(_IDEMPOTENT_VERBS):
                yield {"service": service.full_name, "method": method.name}


def _credentials(tls: TlsFiles) -> grpc.ChannelCredentials:
    roots, key, chain = (
        path.read_bytes() if path is not None else None for path in (tls.root_certificates, tls.key, tls.certificate)
    )
    return grpc.ssl_channel_credentials(root_certificates=roots, private_key=key, certificate_chain=chain)


class _CallDetails(NamedTuple):
    method: Any
    timeout: Any
    metadata: Any
    credentials: Any
    wait_for_ready: Any
    compression: Any


def _with_deadline(details: Any, seconds: float) -> Any:
    if details.timeout is not None:
        return details
    return _CallDetails(
        method=details.method,
        timeout=seconds,
        metadata=details.metadata,
        credentials=details.credentials,
        wait_for_ready=details.wait_for_ready,
        compression=details.compression,
    )


class _DefaultDeadline(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Gives a call without a deadline one: Python's gRPC would wait forever."""

    def intercept_unary_unary(self, continuation: Callable[..., Any], client_call_details: Any, request: Any) -> Any:
        """Call with at most UNARY_DEADLINE_S."""
        return continuation(_with_deadline(client_call_details, UNARY_DEADLINE_S), request)

    def intercept_unary_stream(self, continuation: Callable[..., Any], client_call_details: Any, request: Any) -> Any:
        """Stream for at most STREAM_DEADLINE_S."""
        return continuation(_with_deadline(client_call_details, STREAM_DEADLINE_S), request)

    def intercept_stream_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request_iterator: Any
    ) -> Any:
        """Stream both ways for at most STREAM_DEADLINE_S."""
        return continuation(_with_deadline(client_call_details, STREAM_DEADLINE_S), request_iterator)
