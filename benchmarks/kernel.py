"""Exact contributions by the kernels against LightGBM's own: how many times faster, for one row, 16 and 64 at once.

`python -m benchmarks.kernel` trains two models on generated applicants, 100 trees of 31 leaves (M100) and 1,000 of 34
(M1000), checks that all sides agree, and times them in turn in one run: the least of the rounds counts, since cores
come and go. The sides are the compiled kernel by the widest vectors of this machine ("compiled"), by narrower ones, and
numba. Exits 1 below a bar.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import lightgbm
import numpy as np
from numpy.typing import NDArray

from benchmarks.models import MODELS, N_FEATURES, train
from shared.kernels.kernel import Kernel
from shared.kernels.layout import flatten
from shared.kernels.lightgbm_text import parse_trees
from shared.kernels.native import LIBRARY, NativeKernel, paths
from shared.kernels.numba_kernel import NumbaKernel

BATCHES = (1, 16, 64)
ROUNDS = 7
BARS = {("compiled", 1): 15.0, ("compiled", 64): 40.0, ("numba", 1): 5.0, ("numba", 64): 8.0}
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


def sides(booster: lightgbm.Booster, library: Path) -> dict[str, Side]:
    """Return LightGBM's way first, then the kernel's: by each instruction set of this machine, and in numba."""
    flat = flatten(parse_trees(booster.model_to_string()), N_FEATURES)
    kernels: dict[str, Kernel] = {path: NativeKernel(library, flat, path=path) for path in paths(library)[:-1]}
    kernels |= {"compiled": NativeKernel(library, flat), "numba": NumbaKernel(flat)}
    ours = {name: Side(partial(contributions, kernel), calls=20) for name, kernel in kernels.items()}
    return {"LightGBM": Side(partial(predicted, booster), calls=2), **ours}


def contributions(kernel: Kernel, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the kernel's."""
    return kernel.margins_and_contributions(rows)[1]


def predicted(booster: lightgbm.Booster, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return LightGBM's."""
    return np.asarray(booster.predict(rows, pred_contrib=True, num_threads=1))[:, :-1]


def measure(name: str, library: Path) -> dict[tuple[str, int], float]:
    """Return how many times faster each side is than LightGBM, by batch size; AssertionError if sides disagree."""
    booster, rows = train(*MODELS[name])
    compared = sides(booster, library)
    expected = compared["LightGBM"].contributions(rows[:64])
    error = max(float(np.max(np.abs(side.contributions(rows[:64]) - expected))) for side in compared.values())
    if error > TOLERANCE:
        raise AssertionError(f"{name}: the sides differ by {error:.1e}")
    print(f"{name}: largest difference {error:.1e}", flush=True)
    figures: dict[tuple[str, int], float] = {}
    for size in BATCHES:
        batches = [rows[place : place + size].copy() for place in range(0, len(rows) - size, size)]
        rounds = [[side.seconds_per_row(batches) for side in compared.values()] for _ in range(ROUNDS)]
        theirs, *ours = (min(times) for times in zip(*rounds, strict=True))
        print(f"{name}, {size} rows: " + line(compared, [theirs, *ours]), flush=True)
        figures |= {(side, size): theirs / time for side, time in zip(list(compared)[1:], ours, strict=True)}
    return figures


def line(compared: dict[str, Side], seconds: list[float]) -> str:
    """Return what each side takes for a row, side by side."""
    return ", ".join(f"{side} {1e6 * time:.1f}" for side, time in zip(compared, seconds, strict=True)) + " us a row"


def main() -> int:
    """Return the exit code."""
    missed = False
    with TemporaryDirectory() as folder:
        library = LIBRARY.build(Path(folder))
        figures = {(name, *key): figure for name in MODELS for key, figure in measure(name, library).items()}
    for (name, side, size), figure in figures.items():
        bar = BARS.get((side, size), 0.0)
        missed |= figure < bar
        print(f"kernel {side}_{size}_{name} {figure:.1f} times LightGBM" + (f" (bar ≥ {bar:.0f})" if bar else ""))
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
