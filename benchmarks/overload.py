"""The scorer under ten times the calls that it can answer, for two minutes: `python -m benchmarks.overload`.

The scorer has core 0, the generator (benchmarks.open_loop) core 1. The peak is what h2load gets answered with 64 calls
in flight, over 8 connections like the overload, before and after it (the mean of the two: the machine's speed varies).
Between, half of the peak is offered, ten times the peak, and half again, by the clock alone: answers and refusals have
no say in it. Each call asks for a dense vector's principal reasons, within 1 s.

What is modelled is a few back ends with a channel each, which do as gRPC's clients do: a call beyond the streams that
the server allows on a connection is kept by its channel until another one has ended, and given up at its deadline if
that is sooner. Nobody refuses such a call, and most of an overload ends so; how many is printed ("kept from the wire").
How long a refusal takes is measured at the client, from the moment its call is on the wire until RESOURCE_EXHAUSTED is
read: all of the server's time and the generator's own delay, so the bar holds for the server the more. Answers count
for the goodput that are read before the overload ends. `--connections` shows what more of them do.

Recovered is the scorer as soon as it answers all of half a second's calls again in twice the usual time at most.
Afterwards each receipt must be in the spool once, with its hash; AssertionError otherwise. Exits 1 below a bar.
"""

import argparse
import os
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

from benchmarks.h2load import fire, require_h2load
from benchmarks.http2_calls import Account
from benchmarks.models import publish
from benchmarks.open_loop import Phase, open_loop
from benchmarks.scorer import GENERATOR, scorer
from benchmarks.sides.running import Side
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import prediction_pb2

SECONDS, TIMES, CONNECTIONS = 120.0, 10.0, 8
IN_FLIGHT, PEAK_SECONDS = 64, 12
USUAL_SECONDS, AFTER_SECONDS, WINDOW_S = 5.0, 12.0, 0.5
GOODPUT_SHARE, REFUSAL_MS, RECOVERY_S, GROWTH_SHARE = 0.85, 20.0, 10.0, 0.10
SPOOL_BYTES = 16 << 30


@dataclass
class Receipts:
    """What was promised: the hash of each record that an answer named."""

    hashes: dict[int, bytes] = field(default_factory=dict)
    answers: int = 0

    def take(self, message: bytes) -> None:
        """Keep the receipt of an answer."""
        receipt = scorer_pb2.ScoreResponse.FromString(message).receipt
        self.hashes[receipt.sequence] = receipt.hash
        self.answers += 1


@dataclass(frozen=True)
class Run:
    """What was measured; `peak` in answers a second, memory in bytes, before and after the overload."""

    peak: float
    usual: Account
    overload: Account
    after: Account
    seconds: float
    memory: tuple[int, int]

    @property
    def goodput(self) -> float:
        """Return the share of the peak that was answered under overload, while it lasted."""
        ends = np.frombuffer(self.overload.answer_ends) - self.overload.began
        return float((ends < self.seconds).sum()) / self.seconds / self.peak

    @property
    def refusal_ms(self) -> float:
        """Return how long the slowest hundredth of the refusals took at least, in milliseconds."""
        return 1000 * _quantile(self.overload.refusals, 0.99)

    @property
    def recovery_s(self) -> float:
        """Return the seconds from the end of the overload until all is as usual, infinite if it never was."""
        latencies = np.frombuffer(self.after.answers)
        sent = np.frombuffer(self.after.answer_ends) - latencies - self.after.began
        usual = 2 * _quantile(self.usual.answers, 0.5)
        for end in np.arange(WINDOW_S, AFTER_SECONDS, WINDOW_S):
            inside = latencies[(sent >= end - WINDOW_S) & (sent < end)]
            whole = len(inside) >= 0.98 * WINDOW_S * self.after.due / AFTER_SECONDS
            if whole and np.median(inside) <= usual:
                return float(end)
        return np.inf

    @property
    def growth(self) -> float:
        """Return the share by which memory has grown."""
        before, after = self.memory
        return after / before - 1


def measure(folder: Path, *, seconds: float, times: float, connections: int) -> Run:
    """Overload a scorer whose state lies in the folder; AssertionError unless its spool keeps all that it promised."""
    (folder / "M100").mkdir()
    environment = {**publish("M100", folder / "M100"), "COUNTERFOIL_SPOOL_MAX_BYTES": str(SPOOL_BYTES)}
    receipts = Receipts()
    with scorer(environment, folder / "state") as side:
        run = _overloaded(side, receipts, [Phase(times, seconds), Phase(0.5, AFTER_SECONDS)], connections)
    refuse_losses(folder / "state" / "scorer" / "spool" / "spool.db", receipts)
    return run


def _overloaded(side: Side, receipts: Receipts, phases: Sequence[Phase], connections: int) -> Run:
    """Offer the phases, whose rates are in peaks."""
    os.sched_setaffinity(0, {GENERATOR})
    _peak(side)
    before = _peak(side)
    process = psutil.Process(side.process)
    with open_loop(side.target, connections, receipts.take) as loop:
        (usual,) = loop.offer([Phase(before / 2, USUAL_SECONDS)])
        small = process.memory_info().rss
        overload, after = loop.offer([Phase(before * phase.per_second, phase.seconds) for phase in phases])
        memory = small, process.memory_info().rss
    return Run((before + _peak(side)) / 2, usual, overload, after, phases[0].seconds, memory)


def _peak(side: Side) -> float:
    in_flight = IN_FLIGHT // CONNECTIONS
    load = fire(side.target, clients=CONNECTIONS, in_flight=in_flight, seconds=PEAK_SECONDS, cores=(GENERATOR,))
    return load.per_second


def refuse_losses(spool: Path, receipts: Receipts) -> None:
    """Return if each receipt is another one, and the spool has its record once; AssertionError otherwise."""
    missing, stored = dict(receipts.hashes), set[int]()
    with closing(sqlite3.connect(spool)) as connection:
        for (records,) in connection.execute("SELECT records FROM batches"):
            for record in prediction_pb2.Segment.FromString(records).records:
                if record.sequence in stored:
                    raise AssertionError(f"record {record.sequence} is in the spool twice")
                stored.add(record.sequence)
                if missing.get(record.sequence) == record.hash:
                    del missing[record.sequence]
    if missing or len(receipts.hashes) != receipts.answers:
        raise AssertionError(f"of {receipts.answers} answers {len(receipts.hashes)} differ, {len(missing)} are lost")
    print(f"{receipts.answers:,} answers, each in the spool once")


def tell(name: str, account: Account, seconds: float) -> None:
    """Print what became of the calls of a phase."""
    rates = {"due": account.due, "on the wire": account.sent, "answered": len(account.answers)}
    print(f"{name}:", ", ".join(f"{count / seconds:,.0f}/s {what}" for what, count in rates.items()), end="; ")
    for what, times in (("answers", account.answers), ("refusals", account.refusals)):
        shares = ", ".join(f"{1000 * _quantile(times, share):.1f}" for share in (0.5, 0.99, 1.0)) if times else "none"
        print(f"{what} p50, p99, most {shares} ms", end="; ")
    print(f"codes {dict(account.codes)}, kept from the wire {account.unsent:,}, unanswered {account.unanswered}")


def _quantile(values: Sequence[float], share: float) -> float:
    return float(np.quantile(values, share)) if values else 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 0 if every figure reaches its bar, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of overload (default: {SECONDS:.0f})")
    parser.add_argument("--times", type=float, default=TIMES, help=f"the peak that are offered (default: {TIMES:.0f})")
    many = f"of the generator (default: {CONNECTIONS})"
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help=many)
    options = parser.parse_args(arguments)
    require_h2load()
    var = Path.cwd() / "var"
    var.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=var) as folder:
        run = measure(Path(folder), seconds=options.seconds, times=options.times, connections=options.connections)
    print(f"peak: {run.peak:,.0f}/s answered with {IN_FLIGHT} in flight")
    tell("half", run.usual, USUAL_SECONDS)
    tell(f"{options.times:g} times the peak", run.overload, options.seconds)
    tell("half again", run.after, AFTER_SECONDS)
    print(f"overload goodput {run.goodput:.2f} of the peak (bar ≥ {GOODPUT_SHARE})")
    print(f"overload refusals_p99 {run.refusal_ms:.1f} ms (bar ≤ {REFUSAL_MS:g})")
    print(f"overload recovery {run.recovery_s:.1f} s (bar ≤ {RECOVERY_S:g})")
    print(f"overload memory {run.growth:+.3f} (bar ≤ {GROWTH_SHARE:+g})")
    reached = run.goodput >= GOODPUT_SHARE and run.refusal_ms <= REFUSAL_MS
    return int(not (reached and run.recovery_s <= RECOVERY_S and run.growth <= GROWTH_SHARE))


if __name__ == "__main__":
    sys.exit(main())
