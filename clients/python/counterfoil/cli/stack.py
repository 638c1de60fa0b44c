"""The three services as processes of this machine: started, awaited, watched and stopped together."""

import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from counterfoil.cli.checkout import module_command, module_environment
from counterfoil.cli.failures import CommandFailed
from counterfoil.cli.session import Session
from counterfoil.client.channels import open_channel

START_TIMEOUT_S: Final = 180
_ROUND_S: Final = 0.5
_TAIL_LINES: Final = 15


@dataclass(frozen=True)
class Stack:
    """What to start: the checkout, where each service listens, its variables, and the folder of the logs."""

    checkout: Path
    session: Session
    variables: Mapping[str, str]
    logs: Path

    @property
    def addresses(self) -> dict[str, str]:
        """Return where each service listens, the log's keeper first."""
        return {"monitor": self.session.monitor, "trainer": self.session.trainer, "scorer": self.session.scorer}

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables of every process of the stack."""
        listening = {f"COUNTERFOIL_{name.upper()}_ADDRESS": address for name, address in self.addresses.items()}
        return module_environment(self.checkout, {**self.variables, **listening})


@dataclass
class Service:
    """One running service; closing `process.stdin` stops it."""

    name: str
    address: str
    log: Path
    process: subprocess.Popen[bytes]


@dataclass
class Running:
    """The started services; after the `with` block `exit_codes` tells how each ended."""

    services: Sequence[Service]
    exit_codes: dict[str, int] = field(default_factory=dict)

    def watch(self) -> NoReturn:
        """Wait until a service ends by itself; raises CommandFailed with SERVICE_DIED and the end of its log."""
        while True:
            for service in self.services:
                try:
                    service.process.wait(_ROUND_S)
                except subprocess.TimeoutExpired:
                    continue
                _raise_died(service)


@contextmanager
def running(stack: Stack) -> Iterator[Running]:
    """Make MLflow ready, start the services, and yield once all answer; they are stopped whatever happens.

    Raises CommandFailed with ADDRESS_IN_USE, MLFLOW_NOT_READY, SERVICE_DIED or SERVICE_SILENT.
    """
    for name, address in stack.addresses.items():
        _refuse_taken(name, address)
    stack.logs.mkdir(parents=True, exist_ok=True)
    _prepare_mlflow(stack)
    started = Running([])
    try:
        started.services = [_start(stack, name, address) for name, address in stack.addresses.items()]
        _await_all(started.services, stack.session)
        yield started
    finally:
        started.exit_codes = _stop(started.services)


def _refuse_taken(name: str, address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]") or "127.0.0.1", int(port)), timeout=1).close()
    except (OSError, ValueError):
        # Nobody answers there, or the address is none, which the service itself refuses in better words.
        return
    raise CommandFailed(
        f"something listens on {address} already; stop it, or set COUNTERFOIL_{name.upper()}_ADDRESS to another port",
        reason="ADDRESS_IN_USE",
    )


def _prepare_mlflow(stack: Stack) -> None:
    log = stack.logs / "mlflow.log"
    with log.open("ab") as stream:
        code = subprocess.call(
            module_command("shared.mlflow_store"),
            cwd=stack.checkout,
            env=stack.environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
        )
    if code:
        raise CommandFailed(f"MLflow could not be made ready:\n{_tail(log)}", reason="MLFLOW_NOT_READY")


def _start(stack: Stack, name: str, address: str) -> Service:
    log = stack.logs / f"{name}.log"
    command = module_command("counterfoil.cli.guarded", *module_command(f"services.{name}"))
    with log.open("ab") as stream:
        # A session of its own: a terminal's Ctrl-C must reach the services once, through us.
        process = subprocess.Popen(
            command,
            cwd=stack.checkout,
            env=stack.environment,
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    return Service(name, address, log, process)


def _await_all(services: Sequence[Service], session: Session) -> None:
    for service in services:
        rounds = int(START_TIMEOUT_S / _ROUND_S)
        if not any(_answers(service, services, session) for _ in range(rounds)):
            raise CommandFailed(
                f"the {service.name} does not answer after {START_TIMEOUT_S} s:\n{_tail(service.log)}",
                reason="SERVICE_SILENT",
            )


def _answers(service: Service, services: Sequence[Service], session: Session) -> bool:
    for each in services:
        if each.process.poll() is not None:
            _raise_died(each)
    with open_channel(service.address, tls=session.tls) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check  # type: ignore[attr-defined]  # untyped in typeshed
        try:
            reply = check(health_pb2.HealthCheckRequest(), timeout=_ROUND_S, wait_for_ready=True)
        except grpc.RpcError:
            return False
    return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)


def _stop(services: Sequence[Service]) -> dict[str, int]:
    # The scorer first: it hands its last answers to the monitor.
    for service in reversed(services):
        if service.process.stdin is not None:
            service.process.stdin.close()
    return {service.name: service.process.wait() for service in reversed(services)}


def _raise_died(service: Service) -> NoReturn:
    code = service.process.returncode
    raise CommandFailed(
        f"the {service.name} ended with exit code {code}; the end of {service.log}:\n{_tail(service.log)}",
        reason="SERVICE_DIED",
    )


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-_TAIL_LINES:])
