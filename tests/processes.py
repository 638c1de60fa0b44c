"""Start the real services as processes, wait for them without sleeping, and end them in every way."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

ROOT = Path(__file__).parents[1]
START_TIMEOUT_S = 90.0


def free_port() -> int:
    """Return a port of this machine's loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def wait_until_serving(address: str, service: str = "", timeout_s: float = START_TIMEOUT_S) -> None:
    """Return as soon as grpc.health.v1 says SERVING for `service`; DEADLINE_EXCEEDED (grpc.RpcError) otherwise."""
    with grpc.insecure_channel(address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch  # type: ignore[attr-defined]  # untyped in typeshed
        for update in watch(health_pb2.HealthCheckRequest(service=service), timeout=timeout_s, wait_for_ready=True):
            if update.status == health_pb2.HealthCheckResponse.SERVING:
                return


@dataclass
class ServiceProcess:
    """One running service; `log` holds what it wrote to stderr."""

    name: str
    address: str
    log: Path
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL, no clean-up."""
        self.process.kill()
        self.process.wait(timeout=30)

    def terminate(self) -> int:
        """Ask it to stop and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def start_service(
    name: str, address: str, environment: Mapping[str, str], log: Path, *, imports_first: Path = ROOT
) -> ServiceProcess:
    """Start `python -m services.NAME` listening on `address` and return once its process answers.

    Modules in `imports_first` take the place of those of the same name.
    """
    variables = {
        **os.environ,
        **environment,
        f"COUNTERFOIL_{name.upper()}_ADDRESS": address,
        "PYTHONPATH": os.pathsep.join(
            [str(imports_first), *(str(ROOT / part) for part in (".", "protos/python", "clients/python"))]
        ),
    }
    with log.open("ab") as stderr:
        command = [sys.executable, "-m", f"services.{name}"]
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=stderr, stderr=stderr)
    service = ServiceProcess(name, address, log, process)
    try:
        wait_until_serving(address)
    except grpc.RpcError as error:
        service.kill()
        raise AssertionError(f"{name} did not start: {log.read_text()[-2000:]}") from error
    return service


@contextmanager
def running(
    name: str, environment: Mapping[str, str], folder: Path, *, imports_first: Path = ROOT
) -> Iterator[ServiceProcess]:
    """Run a service on a free port for the length of a `with` block; it is ended whatever happens."""
    service = start_service(
        name, f"127.0.0.1:{free_port()}", environment, folder / f"{name}.log", imports_first=imports_first
    )
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.kill()
