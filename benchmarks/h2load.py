"""Load on a gRPC server by h2load, nghttp2's generator, which needs little of a core itself."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MISSING = "h2load is not installed; it comes with Debian's package nghttp2-client (apt-get install nghttp2-client)"
_HEADERS = ("content-type: application/grpc", "te: trailers")


@dataclass(frozen=True)
class Load:
    """How a server did: answers a second, and how long the slowest hundredth of them took at least."""

    per_second: float
    p99_ms: float


def require_h2load() -> None:
    """Raise SystemExit with what to install."""
    if shutil.which("h2load") is None:
        raise SystemExit(MISSING)


@dataclass(frozen=True)
class Target:
    """What is called: the address, the path of a unary method, the serialised request, and a reply's least bytes."""

    address: str
    path: str
    request: bytes
    least_reply: int


def fire(target: Target, *, clients: int, in_flight: int, seconds: int, cores: Collection[int]) -> Load:
    """Keep `clients` times `in_flight` calls running for so many seconds, from the cores given.

    On a core that it shares, the generator waits for its turn (SCHED_BATCH): woken by each reply, it would push aside
    the very server that it measures.

    Raises RuntimeError if not every call was answered by a message of the least size: gRPC's errors have none.
    """
    with tempfile.TemporaryDirectory() as room:
        body, log = Path(room) / "body", Path(room) / "log"
        body.write_bytes(b"\0" + len(target.request).to_bytes(4, "big") + target.request)
        command = ["h2load", "-D", str(seconds), "-c", str(clients), "-m", str(in_flight), "-d", str(body)]
        command += [part for header in _HEADERS for part in ("-H", header)]
        command += ["--log-file", str(log), f"http://{target.address}{target.path}"]
        ran = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        os.sched_setaffinity(ran.pid, cores)
        os.sched_setscheduler(ran.pid, os.SCHED_BATCH, os.sched_param(0))
        said, _ = ran.communicate()
        answered(said, target.least_reply)
        latencies = np.loadtxt(log, usecols=2) / 1000.0
    return Load(len(latencies) / seconds, float(np.quantile(latencies, 0.99)))


def answered(said: str, least_reply: int) -> int:
    """Return how many calls h2load says were answered, each by so many bytes at least.

    Raises RuntimeError if any was not: gRPC's errors are HTTP successes without a message.
    """
    counts = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", said)
    data = re.search(r"\((\d+)\) data", said)
    if counts is None or data is None:
        raise RuntimeError(f"h2load said {said[-500:]}")
    succeeded, *others = map(int, counts.groups())
    if any(others) or not succeeded or int(data[1]) < succeeded * least_reply:
        raise RuntimeError(f"not every call was answered: {said[-500:]}")
    return succeeded
