"""Ask a service of this machine for its health: `python -m shared.rpc.probe [ADDRESS]`, for a container's health check.

ADDRESS is by default what the service itself listens on (COUNTERFOIL_<SERVICE>_ADDRESS, with SERVICE from the image).
Exits 0 when the process answers SERVING, else 1 with the reason on stderr.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

TIMEOUT_S = 3.0


def own_address(environ: Mapping[str, str]) -> str:
    """Return where this container's service listens, seen from inside; KeyError names the variable that is not set."""
    address = environ[f"COUNTERFOIL_{environ['SERVICE'].upper()}_ADDRESS"]
    host, _, port = address.rpartition(":")
    return f"127.0.0.1:{port}" if host in {"0.0.0.0", "[::]"} else address  # noqa: S104  only compared, nothing is bound


def _channel(address: str, environ: Mapping[str, str]) -> grpc.Channel:
    """Open a channel; under TLS the service's own certificate, which must name 127.0.0.1 too, vouches for both ends."""
    certificate, key = environ.get("COUNTERFOIL_TLS_CERTIFICATE"), environ.get("COUNTERFOIL_TLS_KEY")
    if certificate is None or key is None:
        return grpc.insecure_channel(address)
    chain = Path(certificate).read_bytes()
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(chain, Path(key).read_bytes(), chain))


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Return the exit code: 0 when the process at the address answers SERVING."""
    address = argv[0] if argv else own_address(environ)
    with _channel(address, environ) as channel:
        try:
            check = health_pb2_grpc.HealthStub(channel).Check  # type: ignore[attr-defined]  # untyped in typeshed
            reply = check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            print(f"{address}: {error.code().name}", file=sys.stderr)  # noqa: T201  a command's output
            return 1
    if reply.status == health_pb2.HealthCheckResponse.SERVING:
        return 0
    print(f"{address}: the process answers, but not SERVING", file=sys.stderr)  # noqa: T201  a command's output
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], os.environ))
