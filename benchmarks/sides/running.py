"""Servers as processes for the length of a `with` block, each on its own port and on given cores."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

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
) -> Iterator[Side]:
    """Start the command and give it once it answers the request; its output is left out, but for a start that fails."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.sched_setaffinity(process.pid, cores)
    address = f"127.0.0.1:{port}"
    try:
        reply = _first_reply(process, address, path, request)
        yield Side(name, process.pid, Target(address, path, request, least_reply=len(reply) // 2))
    finally:
        process.terminate()
        process.wait()


def module(name: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of this repository."""
    return [sys.executable, "-m", name, *arguments]


def _first_reply(process: "subprocess.Popen[bytes]", address: str, path: str, request: bytes) -> bytes:
    give_up = time.monotonic() + START_S
    with grpc.insecure_channel(address) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
        while process.poll() is None and time.monotonic() < give_up:
            try:
                return bytes(call(request, timeout=5.0, wait_for_ready=False))
            except grpc.RpcError:
                time.sleep(0.2)
    raise RuntimeError(f"{address} did not answer {path} within {START_S:.0f} s")
