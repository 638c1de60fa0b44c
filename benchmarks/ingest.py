"""How many rows a second the monitor takes in: `python -m benchmarks.ingest`.

Four senders, each a process, send prepared segments of records with 200 features to a monitor in a process of its own,
over gRPC, into a Delta table on this disk; each waits for the acknowledgement, which means durable, before it sends the
next. The monitor has two cores, and where the machine has no more, shares them with the senders. Meanwhile it projects
what it took in. Afterwards every row must be in the ledger, once. Prints last
`ingest rows FIGURE rows/s (bar ≥ 30000)`; exits 1 below the bar.
"""

import argparse
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, cast

import psutil
import pyarrow.compute as pc
from deltalake import DeltaTable

from benchmarks.ingest_segments import FEATURES
from services.monitor.adapters.locations import Location
from services.monitor.settings import Settings
from shared.settings import environment_of

BAR = 30_000
SENDERS = 4
# About 8 MiB, what a scorer ships at once when it has a backlog.
SEGMENT_ROWS = 2_000
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Run:
    """What taking the rows in took; the CPU time is the monitor's, its projections included."""

    rows: int
    wall_seconds: float
    cpu_seconds: float

    @property
    def rows_per_second(self) -> float:
        """Return the figure."""
        return self.rows / self.wall_seconds


def measure(folder: Path, rows: int) -> Run:
    """Send so many rows in all and return what it took; AssertionError unless the ledger has each of them, once."""
    settings = Settings(monitor_address=f"127.0.0.1:{free_port()}", state_dir=folder / "state")
    with ExitStack() as running:
        monitor = running.enter_context(started("benchmarks.ingest_monitor", settings=settings))
        each = rows // SENDERS
        senders = [
            running.enter_context(
                started(
                    "benchmarks.ingest_sender", settings.monitor_address, f"sender-{place}", each, SEGMENT_ROWS, place
                )
            )
            for place in range(SENDERS)
        ]
        for sender in senders:
            await_line(sender, "ready")
        cpu, wall = cpu_seconds(monitor), time.perf_counter()
        for sender in senders:
            tell(sender)
        for sender in senders:
            await_line(sender, "done")
        run = Run(each * SENDERS, time.perf_counter() - wall, cpu_seconds(monitor) - cpu)
    refuse_losses(settings.ledger, run.rows)
    return run


def free_port() -> int:
    """Return a port of the loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def started(module: str, *arguments: object, settings: Settings | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run a module of the benchmark for the length of a `with` block."""
    environment = {**os.environ, **(environment_of(settings) if settings else {})}
    command = [sys.executable, "-m", module, *map(str, arguments)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=120)


def await_line(process: subprocess.Popen[str], expected: str) -> None:
    """Return once the process has printed the line; AssertionError if it prints another, or ends."""
    line = cast(IO[str], process.stdout).readline().strip()
    if line != expected:
        raise AssertionError(f"a sender printed {line!r} instead of {expected!r}")


def tell(process: subprocess.Popen[str]) -> None:
    """Let a sender that is ready start."""
    stream = cast(IO[str], process.stdin)
    stream.write("go\n")
    stream.flush()


def cpu_seconds(process: subprocess.Popen[str]) -> float:
    """Return the CPU time that the process has used."""
    times = psutil.Process(process.pid).cpu_times()
    return float(times.user + times.system)


def refuse_losses(ledger: Location, rows: int) -> None:
    """Return if the ledger holds so many records, none of them twice; AssertionError otherwise."""
    table = DeltaTable(str(ledger)).to_pyarrow_table(columns=["instance", "sequence"])
    distinct = table.group_by(["instance", "sequence"]).aggregate([]).num_rows
    ends = table.group_by("instance").aggregate([("sequence", "max")])
    if (table.num_rows, distinct, pc.sum(ends["sequence_max"]).as_py()) != (rows, rows, rows):
        raise AssertionError(f"the ledger holds {table.num_rows} rows, {distinct} of them distinct, of {rows}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 0 if the figure reaches the bar, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest")
    parser.add_argument("--rows", type=int, default=400_000, help="rows to send in all (default: 400,000)")
    options = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="ingest-", dir=Path.cwd()) as folder:
        run = measure(Path(folder), options.rows)
    print(
        f"{run.rows} rows of {len(FEATURES)} features from {SENDERS} senders in {run.wall_seconds:.1f} s; the monitor "
        f"used {run.cpu_seconds:.1f} s of CPU, {1e6 * run.cpu_seconds / run.rows:.0f} µs a row"
    )
    print(f"ingest rows {run.rows_per_second:.0f} rows/s (bar ≥ {BAR})")
    return int(run.rows_per_second < BAR)


if __name__ == "__main__":
    sys.exit(main())
