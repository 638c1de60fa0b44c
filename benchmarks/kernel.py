"""Exact contributions by the kernel against LightGBM's own: how many times faster, one row at a time and 64 at once.

`python -m benchmarks.kernel` trains two models on generated applicants, 100 trees of 31 leaves (M100) and 1,000 of 34
(M1000), checks that both sides agree, and times them in turn in one run: the least of the rounds counts, since cores
come and go. Exits 1 below a bar.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import lightgbm
import numpy as np
from numpy.typing import NDArray

from benchmarks.models import MODELS, N_FEATURES, train
from shared.kernels.layout import flatten
from shared.kernels.lightgbm_text import parse_trees
from shared.kernels.native import NativeKernel, build

BATCH = 64
ROUNDS = 15
BARS = {"one_row": 15.0, "batch": 40.0}
TOLERANCE = 1e-10


@dataclass(frozen=True)
class Side:
    """One way to compute contributions, (n_rows, n_features), and how often a round calls it."""

    contributions: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    calls: int

    def seconds_per_row(self, batches: list[NDArray[np.float64]]) -> float:
        """Return the time of one row, over calls on one batch after another."""
        started = time.perf_counter()
        for call in range(self.calls):
            self.contributions(batches[call % len(batches)])
        return (time.perf_counter() - started) / (self.calls * len(batches[0]))


def sides(booster: lightgbm.Booster, library: Path) -> tuple[Side, Side]:
    """Return LightGBM's way and the kernel's."""
    kernel = NativeKernel(library, flatten(parse_trees(booster.model_to_string()), N_FEATURES))
    theirs = Side(lambda rows: np.asarray(booster.predict(rows, pred_contrib=True, num_threads=1))[:, :-1], calls=2)
    return theirs, Side(lambda rows: kernel.margins_and_contributions(rows)[1], calls=40)


def ratio(theirs: Side, ours: Side, batches: list[NDArray[np.float64]]) -> float:
    """Return how many times faster ours is, the sides timed in turn."""
    rounds = [(theirs.seconds_per_row(batches), ours.seconds_per_row(batches)) for _ in range(ROUNDS)]
    return min(slow for slow, _ in rounds) / min(fast for _, fast in rounds)


def measure(name: str, library: Path) -> dict[str, float]:
    """Return the ratios of one model; AssertionError if the sides disagree."""
    booster, rows = train(*MODELS[name])
    theirs, ours = sides(booster, library)
    error = float(np.max(np.abs(theirs.contributions(rows[:BATCH]) - ours.contributions(rows[:BATCH]))))
    if error > TOLERANCE:
        raise AssertionError(f"{name}: the sides differ by {error:.1e}")
    print(f"{name}: largest difference {error:.1e}", flush=True)
    singles = [rows[place : place + 1].copy() for place in range(len(rows))]
    batches = [rows[place : place + BATCH].copy() for place in range(0, len(rows) - BATCH, BATCH)]
    return {"one_row": ratio(theirs, ours, singles), "batch": ratio(theirs, ours, batches)}


def main() -> int:
    """Return the exit code."""
    with TemporaryDirectory() as folder:
        library = build(Path(folder))
        figures = {(name, kind): figure for name in MODELS for kind, figure in measure(name, library).items()}
    for (name, kind), figure in figures.items():
        print(f"kernel {kind}_{name} {figure:.1f} times LightGBM (bar ≥ {BARS[kind]:.0f})")
    return int(any(figure < BARS[kind] for (_, kind), figure in figures.items()))


if __name__ == "__main__":
    sys.exit(main())
