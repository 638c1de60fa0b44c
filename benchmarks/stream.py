"""StreamScore and ScoreDataset with all contributions, durable, against the bare kernel and LightGBM in process.

`python -m benchmarks.stream` starts a real scorer (benchmarks.stream_scorer) on loopback and sends it chunks of 2 MiB,
as bytes, so that this side costs little; some answers are held against the kernel's, bit by bit. Every answer is in the
spool before it comes back. Kernel and pred_contrib run in this process, on the same rows, in turn with the streams; of
each side the fastest of the rounds counts, since cores come and go.

This process has its memory and its turns on a core as a scorer has: kernel and client run as what they stand beside.

Each side computes on the same number of threads. The bars hold for one: everything else that a stream needs (gRPC, the
record on disk, this client) then has the machine's second core. With a thread a core on both sides, the kernel in
process has all of the machine, and a stream shares it with all of that: those ratios are told without a bar. Then
1,000,000 rows go through one stream, and the scorer's most memory is held against what it had before. Exits 1 below a
bar; `--rows N` for another length, 0 for none, `--model` for one model alone.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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
from services.scorer.process import prefer_throughput
from shared.kernels.layout import flatten
from shared.kernels.lightgbm_text import parse_trees
from shared.kernels.native import LIBRARY, NativeKernel

CHUNK_ROWS = (2 << 20) // (8 * N_FEATURES)
STREAM_CHUNKS = {"M100": 40, "M1000": 4}
CONTRIB_ROWS = {"M100": 400, "M1000": 60}
ROUNDS = 8
LONG_ROWS = 1_000_000
BARS = {"kernel": 0.8, "pred_contrib": 40.0, "memory_mib": 200.0}
SERVICE = "/counterfoil.scorer.v1.ScorerService/"
PURPOSE = prediction_pb2.PURPOSE_TEST


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

    def stream(self, chunk: bytes, chunks: int) -> None:
        """Return once a stream of so many equal chunks is answered; RuntimeError if one is not."""
        replies = sum(len(reply) > len(chunk) for reply in self._replies([chunk] * chunks))
        if replies != chunks:
            raise RuntimeError(f"{replies} of {chunks} chunks were answered")

    def answer(self, chunk: bytes) -> stream_pb2.ScoredChunk:
        """Return the answers about one chunk."""
        (reply,) = self._replies([chunk])
        return stream_pb2.StreamScoreResponse.FromString(reply).chunk

    def dataset(self) -> None:
        """Return once the production split is answered."""
        request = stream_pb2.ScoreDatasetRequest(purpose=PURPOSE, split="production").SerializeToString()
        call: Any = self.channel.unary_stream(f"{SERVICE}ScoreDataset")
        for _ in call(request):
            pass

    def _replies(self, chunks: list[bytes]) -> Iterator[bytes]:
        stub = scorer_pb2_grpc.ScorerServiceStub(self.channel)
        digest = stub.GetServingModel(scorer_pb2.GetServingModelRequest()).schema_digest
        settings = stream_pb2.StreamSettings(purpose=PURPOSE, schema_digest=digest)
        first = stream_pb2.StreamScoreRequest(settings=settings).SerializeToString()
        call: Any = self.channel.stream_stream(f"{SERVICE}StreamScore")
        return iter(call(iter([first, *chunks])))


@contextmanager
def scorer(name: str, rows: int, threads: int) -> Iterator[Scorer]:
    """Run a scorer of the model with a split of so many rows, its spool below var/, on a real disk."""
    var = Path.cwd() / "var"
    var.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=var) as folder:
        command = [sys.executable, "-m", "benchmarks.stream_scorer", folder, name, str(rows), str(threads)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            asking, telling = process.stdin, process.stdout
            if asking is None or telling is None:
                raise RuntimeError("the scorer has no pipes")
            address = f"127.0.0.1:{int(telling.readline())}"
            with grpc.insecure_channel(address, options=channel_options()) as channel:
                yield Scorer(channel, asking, telling)
            asking.close()


@dataclass(frozen=True)
class InProcess:
    """One model in this process, and the chunk of rows that every side is asked about."""

    name: str
    booster: lightgbm.Booster
    kernel: NativeKernel
    rows: NDArray[np.float64]

    @classmethod
    def of(cls, name: str, folder: Path) -> "InProcess":
        """Train the model and compile its kernel."""
        booster, values = train(*MODELS[name])
        rows = np.ascontiguousarray(values[np.arange(CHUNK_ROWS) % len(values)])
        return cls(
            name, booster, NativeKernel(LIBRARY.build(folder), flatten(parse_trees(_text(booster)), N_FEATURES)), rows
        )

    @property
    def chunk(self) -> bytes:
        """The rows as a message of a stream."""
        return stream_pb2.StreamScoreRequest(chunk=stream_pb2.RowChunk(values=self.rows.tobytes())).SerializeToString()

    def compute(self, threads: int) -> None:
        """Let the kernel compute as many chunks as a stream has, on so many threads."""
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(self.kernel.margins_and_contributions, [self.rows] * STREAM_CHUNKS[self.name]):
                pass

    def contributions(self, threads: int) -> None:
        """Let LightGBM compute its own contributions of some rows."""
        self.booster.predict(self.rows[: CONTRIB_ROWS[self.name]], pred_contrib=True, num_threads=threads)

    def check(self, answer: stream_pb2.ScoredChunk) -> None:
        """Raise RuntimeError if a stream's answers are not the kernel's, bit by bit."""
        margins, contributions = self.kernel.margins_and_contributions(self.rows)
        if (answer.margins, answer.contributions) != (margins.tobytes(), contributions.tobytes()):
            raise RuntimeError("the stream's answers are not the kernel's")


def measure(name: str, threads: int) -> dict[str, float]:
    """Return the ratios of one model: rows a second of each rpc over those of each side in process."""
    chunks = STREAM_CHUNKS[name]
    rows = chunks * CHUNK_ROWS
    with TemporaryDirectory() as folder, scorer(name, rows, threads) as running:
        here = InProcess.of(name, Path(folder))
        chunk = here.chunk
        here.check(running.answer(chunk))
        sides: dict[str, tuple[int, Callable[[], object]]] = {
            "kernel": (rows, lambda: here.compute(threads)),
            "pred_contrib": (CONTRIB_ROWS[name], lambda: here.contributions(threads)),
            "StreamScore": (rows, lambda: running.stream(chunk, chunks)),
            "ScoreDataset": (rows, running.dataset),
        }
        speeds = fastest(sides)
        server, client = cpu_of_a_row(running, chunk, chunks)
    what = f"{name} {threads} thread{'s' * (threads > 1)}"
    print(f"{what}: a row of a stream takes {server:.1f} µs of CPU in the scorer, {client:.1f} µs here", flush=True)
    for side, speed in speeds.items():
        print(f"{what} {side}: {speed:,.0f} rows/s", flush=True)
    return {
        f"{rpc}_{what} over {side}": speeds[rpc] / speeds[side]
        for rpc in ("StreamScore", "ScoreDataset")
        for side in ("kernel", "pred_contrib")
    }


def cpu_of_a_row(running: Scorer, chunk: bytes, chunks: int) -> tuple[float, float]:
    """Return the microseconds of CPU that a row of a stream takes, in the scorer and in this process."""
    (_, before), began = running.used(), time.process_time()
    running.stream(chunk, chunks)
    (_, after), ended = running.used(), time.process_time()
    microseconds = 1e6 / (chunks * CHUNK_ROWS)
    return (after - before) * microseconds, (ended - began) * microseconds


def fastest(sides: dict[str, tuple[int, Callable[[], object]]]) -> dict[str, float]:
    """Return each side's rows a second in the fastest of the rounds, the sides measured in turn."""
    least: dict[str, float] = {}
    for _ in range(ROUNDS):
        for side, (_, work) in sides.items():
            least[side] = min(least.get(side, np.inf), timed(work))
    return {side: rows / least[side] for side, (rows, _) in sides.items()}


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that the work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _text(booster: lightgbm.Booster) -> str:
    return str(booster.model_to_string())


def growth(rows: int) -> float:
    """Return by how many MiB a stream of so many rows raises the scorer's most memory, after a short one."""
    chunk = stream_pb2.StreamScoreRequest(chunk=stream_pb2.RowChunk(values=bytes(8 * CHUNK_ROWS * N_FEATURES)))
    content = chunk.SerializeToString()
    with scorer("M100", CHUNK_ROWS, 0) as running:
        running.stream(content, 20)
        before, _ = running.used()
        seconds = timed(lambda: running.stream(content, rows // CHUNK_ROWS + 1))
        after, _ = running.used()
    print(f"{rows:,} rows in {seconds:.0f} s: {before:.0f} MiB before, {after:.0f} MiB at most", flush=True)
    return after - before


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(description="Streams against the bare kernel.")
    parser.add_argument("--rows", type=int, default=LONG_ROWS, help="length of the long stream, 0 for none")
    parser.add_argument("--model", choices=MODELS, action="append", help="by default all")
    asked = parser.parse_args()
    prefer_throughput()
    failed = False
    for name in asked.model or MODELS:
        for threads in (1, os.cpu_count() or 1):
            failed |= told(measure(name, threads), held=threads == 1)
    if asked.rows:
        grown = growth(asked.rows)
        failed |= grown > BARS["memory_mib"]
        print(f"stream memory of {asked.rows:,} rows {grown:.0f} MiB more (bar ≤ {BARS['memory_mib']:g})")
    return int(failed)


def told(ratios: dict[str, float], *, held: bool) -> bool:
    """Print the ratios; return whether one that is held to its bar is below it."""
    failed = False
    for what, ratio in ratios.items():
        bar = BARS[what.rpartition(" ")[2]]
        failed |= held and ratio < bar
        print(f"stream {what} {ratio:.2f} times ({f'bar ≥ {bar:g}' if held else 'no bar'})", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
