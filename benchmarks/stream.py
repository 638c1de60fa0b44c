"""StreamScore and ScoreDataset with all contributions, durable, against the bare kernel and LightGBM in process.

`python -m benchmarks.stream` starts a real scorer (benchmarks.stream_scorer) on loopback and sends it chunks of 2 MiB,
as bytes, so that this side costs little. Kernel and pred_contrib run in this process on one thread each, on the same
rows, in turn with the streams; of each side the fastest of the rounds counts, since cores come and go. Every answer is
in the spool before it comes back. The scorer uses both cores of the machine: with other work on them the ratios fall,
so the CPU that a row takes stands beside them. Then 1,000,000 rows go through one stream, and the scorer's most memory
is held against what it had before. Exits 1 below a bar; `--rows N` for another length, 0 for none.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import grpc
import lightgbm
import numpy as np
from numpy.typing import NDArray

from benchmarks.models import MODELS, N_FEATURES, train
from counterfoil.client.channels import channel_options
from counterfoil.scorer.v1 import scorer_pb2, scorer_pb2_grpc, stream_pb2
from counterfoil.types.v1 import prediction_pb2
from shared.kernels.layout import flatten
from shared.kernels.lightgbm_text import parse_trees
from shared.kernels.native import NativeKernel, build

CHUNK_ROWS = (2 << 20) // (8 * N_FEATURES)
STREAM_CHUNKS = {"M100": 40, "M1000": 4}
CONTRIB_ROWS = {"M100": 400, "M1000": 60}
ROUNDS = 15
LONG_ROWS = 1_000_000
BARS = {"kernel": 0.8, "pred_contrib": 40.0, "memory_mib": 200.0}
SERVICE = "/counterfoil.scorer.v1.ScorerService/"
PURPOSE = prediction_pb2.PURPOSE_TEST

Seconds = Callable[[], float]


@dataclass(frozen=True)
class Scorer:
    """A scorer in a process of its own: its channel, and the pipes that ask it for its memory."""

    channel: grpc.Channel
    asking: IO[str]
    telling: IO[str]

    def used(self) -> tuple[float, float]:
        """Return the most memory that it has ever held, in MiB, and the seconds of CPU that it has taken."""
        self.asking.write("\n")
        self.asking.flush()
        mib, seconds = self.telling.readline().split()
        return float(mib), float(seconds)

    def stream(self, chunk: bytes, chunks: int) -> float:
        """Return the seconds that a stream of so many equal chunks takes; RuntimeError if one is not answered."""
        stub = scorer_pb2_grpc.ScorerServiceStub(self.channel)
        digest = stub.GetServingModel(scorer_pb2.GetServingModelRequest()).schema_digest
        settings = stream_pb2.StreamSettings(purpose=PURPOSE, schema_digest=digest)
        first = stream_pb2.StreamScoreRequest(settings=settings).SerializeToString()
        call: Any = self.channel.stream_stream(f"{SERVICE}StreamScore")
        started = time.perf_counter()
        replies = sum(len(reply) > len(chunk) for reply in call(iter([first, *[chunk] * chunks])))
        if replies != chunks:
            raise RuntimeError(f"{replies} of {chunks} chunks were answered")
        return time.perf_counter() - started

    def dataset(self) -> float:
        """Return the seconds that its production split takes."""
        request = stream_pb2.ScoreDatasetRequest(purpose=PURPOSE, split="production").SerializeToString()
        call: Any = self.channel.unary_stream(f"{SERVICE}ScoreDataset")
        started = time.perf_counter()
        for _ in call(request):
            pass
        return time.perf_counter() - started


@contextmanager
def scorer(name: str, rows: int) -> Iterator[Scorer]:
    """Run a scorer of the model with a split of so many rows, its spool below var/, on a real disk."""
    var = Path.cwd() / "var"
    var.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=var) as folder:
        command = [sys.executable, "-m", "benchmarks.stream_scorer", folder, name, str(rows)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            asking, telling = process.stdin, process.stdout
            if asking is None or telling is None:
                raise RuntimeError("the scorer has no pipes")
            address = f"127.0.0.1:{int(telling.readline())}"
            with grpc.insecure_channel(address, options=channel_options()) as channel:
                yield Scorer(channel, asking, telling)
            asking.close()


def measure(name: str) -> dict[str, float]:
    """Return the ratios of one model: rows a second of each rpc over those of each side in process."""
    booster, values = train(*MODELS[name])
    rows = np.ascontiguousarray(values[np.arange(CHUNK_ROWS) % len(values)])
    chunk = stream_pb2.StreamScoreRequest(chunk=stream_pb2.RowChunk(values=rows.tobytes())).SerializeToString()
    chunks = STREAM_CHUNKS[name]
    with TemporaryDirectory() as folder, scorer(name, chunks * CHUNK_ROWS) as running:
        kernel = NativeKernel(build(Path(folder)), flatten(parse_trees(booster.model_to_string()), N_FEATURES))
        sides: dict[str, tuple[int, Seconds]] = {
            "kernel": (chunks * CHUNK_ROWS, lambda: timed(lambda: kernel.margins_and_contributions(rows), chunks)),
            "pred_contrib": (CONTRIB_ROWS[name], lambda: timed(lambda: contributions(booster, rows, name), 1)),
            "StreamScore": (chunks * CHUNK_ROWS, lambda: running.stream(chunk, chunks)),
            "ScoreDataset": (chunks * CHUNK_ROWS, running.dataset),
        }
        speeds = fastest(sides)
        print(f"{name} CPU of a row: {cpu_of_a_row(running, chunk, chunks):.1f} µs in the scorer", flush=True)
    for side, speed in speeds.items():
        print(f"{name} {side}: {speed:,.0f} rows/s", flush=True)
    return {
        f"{rpc}_{name} over {side}": speeds[rpc] / speeds[side]
        for rpc in ("StreamScore", "ScoreDataset")
        for side in ("kernel", "pred_contrib")
    }


def cpu_of_a_row(running: Scorer, chunk: bytes, chunks: int) -> float:
    """Return the microseconds of CPU that the scorer takes for a row of a stream."""
    _, before = running.used()
    running.stream(chunk, chunks)
    _, after = running.used()
    return (after - before) / (chunks * CHUNK_ROWS) * 1e6


def fastest(sides: dict[str, tuple[int, Seconds]]) -> dict[str, float]:
    """Return each side's rows a second in the fastest of the rounds, the sides measured in turn."""
    least: dict[str, float] = {}
    for _ in range(ROUNDS):
        for side, (_, seconds) in sides.items():
            least[side] = min(least.get(side, np.inf), seconds())
    return {side: rows / least[side] for side, (rows, _) in sides.items()}


def timed(work: Callable[[], object], times: int) -> float:
    """Return the seconds that the work takes so many times."""
    started = time.perf_counter()
    for _ in range(times):
        work()
    return time.perf_counter() - started


def contributions(booster: lightgbm.Booster, rows: NDArray[np.float64], name: str) -> object:
    """Return LightGBM's own contributions of some rows."""
    return booster.predict(rows[: CONTRIB_ROWS[name]], pred_contrib=True, num_threads=1)


def growth(rows: int) -> float:
    """Return by how many MiB a stream of so many rows raises the scorer's most memory, after a short one."""
    chunk = stream_pb2.StreamScoreRequest(chunk=stream_pb2.RowChunk(values=bytes(8 * CHUNK_ROWS * N_FEATURES)))
    content = chunk.SerializeToString()
    with scorer("M100", CHUNK_ROWS) as running:
        running.stream(content, 20)
        before, _ = running.used()
        seconds = running.stream(content, rows // CHUNK_ROWS + 1)
        after, _ = running.used()
    print(f"{rows:,} rows in {seconds:.0f} s: {before:.0f} MiB before, {after:.0f} MiB at most", flush=True)
    return after - before


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(description="Streams against the bare kernel.")
    parser.add_argument("--rows", type=int, default=LONG_ROWS, help="length of the long stream, 0 for none")
    rows = parser.parse_args().rows
    figures = {kind: figure for name in MODELS for kind, figure in measure(name).items()}
    failed = False
    for kind, figure in figures.items():
        bar = BARS[kind.rpartition(" ")[2]]
        failed |= figure < bar
        print(f"stream {kind} {figure:.2f} times (bar ≥ {bar:g})")
    if rows:
        grown = growth(rows)
        failed |= grown > BARS["memory_mib"]
        print(f"stream memory of {rows:,} rows {grown:.0f} MiB more (bar ≤ {BARS['memory_mib']:g})")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
