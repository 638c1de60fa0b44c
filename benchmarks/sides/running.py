"""Servers as processes for the length of a `with` block, each on its own port and on given cores."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import grpc

from benchmarks.h2load import Target

START_S = 120.0


@dataclass(frozen=True)
class Side:
    """A server that answers, and how it is called."""

    name: str
    process: int
    target: Target


def free_port() -> int:
    """Return a port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(  # a side is told by all of these
    name: str,
    command: Sequence[str],
    *,
    port: int,
    path: str,
    request: bytes,
    cores: Collection[int],
    environment: Mapping[str, str] | None = None,
    output: Path = Path(os.devnull),
) -> Iterator[Side]:
    """Start the command and give it once it answers the request.

    Raises RuntimeError with the end of its output, as far as that is kept in a file, if it never does.
    """
    with output.open("wb") as words:
        process = subprocess.Popen(command, env=environment, stdout=words, stderr=words)
    os.sched_setaffinity(process.pid, cores)
    target = Target(f"127.0.0.1:{port}", path, request, least_reply=0)
    try:
        reply = _first_reply(process, target)
        if reply is None:
            last_words = output.read_text(errors="replace")[-2000:] if output.is_file() else ""
            raise RuntimeError(f"{name} did not answer {path} within {START_S:.0f} s; {last_words}")
        yield Side(name, process.pid, replace(target, least_reply=len(reply) // 2))
    finally:
        process.terminate()
        process.wait()


def module(name: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of this repository."""
    return [sys.executable, "-m", name, *arguments]


def asked(target: Target) -> bytes:
    """Return the reply of one call; raises grpc.RpcError if there is none."""
    with grpc.insecure_channel(target.address) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(target.path)
        return bytes(call(target.request, timeout=5.0))


def _first_reply(process: "subprocess.Popen[bytes]", target: Target) -> bytes | None:
    """Return the reply as soon as there is one, None if the process ends or takes too long before."""
    give_up = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < give_up:
        try:
            return asked(target)
        except grpc.RpcError:
            time.sleep(0.2)
    return None
