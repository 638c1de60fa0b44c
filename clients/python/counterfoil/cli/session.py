"""Where the services are, and calls to them whose failures end the command."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click
import grpc

from counterfoil.cli.failures import CommandFailed, call_failed
from counterfoil.client.channels import TlsFiles, open_channel
from counterfoil.client.errors import call_error
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from counterfoil.scorer.v1.scorer_pb2_grpc import ScorerServiceStub
from counterfoil.trainer.v1.trainer_pb2_grpc import TrainerServiceStub


@dataclass(frozen=True)
class Session:
    """Addresses (`host:port`) of the three services and, where they want TLS, the files for it."""

    trainer: str
    scorer: str
    monitor: str
    tls: TlsFiles | None = None


pass_session = click.make_pass_decorator(Session)


@contextmanager
def trainer_calls(session: Session) -> Iterator[TrainerServiceStub]:
    """Yield the trainer's stub; a failed call inside the block becomes CommandFailed."""
    with _channel("trainer", session.trainer, session.tls) as channel:
        yield TrainerServiceStub(channel)


@contextmanager
def scorer_calls(session: Session) -> Iterator[ScorerServiceStub]:
    """Yield the scorer's stub; a failed call inside the block becomes CommandFailed."""
    with _channel("scorer", session.scorer, session.tls) as channel:
        yield ScorerServiceStub(channel)


@contextmanager
def monitor_calls(session: Session) -> Iterator[MonitorServiceStub]:
    """Yield the monitor's stub; a failed call inside the block becomes CommandFailed."""
    with _channel("monitor", session.monitor, session.tls) as channel:
        yield MonitorServiceStub(channel)


@contextmanager
def _channel(service: str, address: str, tls: TlsFiles | None) -> Iterator[grpc.Channel]:
    try:
        channel = open_channel(address, tls=tls)
    except OSError as error:
        raise CommandFailed(f"cannot read a TLS file: {error}", reason="TLS_FILE_UNREADABLE") from error
    with channel:
        try:
            yield channel
        except grpc.RpcError as error:
            raise call_failed(call_error(error), service=service, address=address) from error
        except ConnectionError as error:
            raise CommandFailed(f"the {service} at {address}: {error}", reason="STREAM_ENDED") from error
