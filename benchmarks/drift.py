"""Whether verdicts on drift can be believed, and what they cost: `python -m benchmarks.drift`.

Applicants are synthesized, 192 features of their applications; LightGBM is trained on them. Windows resampled from the
training data itself must raise no alarm, whatever their size; a shift of 0.2 (population stability index) of one
feature, drawn by chance, must be found, and so must values that go missing. The fast path and Evidently's report look
at the same 192 columns x 50,000 rows, one after the other, by CPU time of this process. GetDriftStatus is asked over a
real channel for four windows of fifty drifted features each. Prints each figure with its bar; exits 1 if one misses it.
"""

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pyarrow as pa

from benchmarks.drift_data import Floats, Training, synthesized
from benchmarks.drift_status import status_seconds
from benchmarks.drift_windows import SHIFT, SIZES, false_alarms, missing_found, shifts_found, verdict_on
from services.monitor.adapters.drift_decisions import new_decisions
from services.monitor.adapters.evidently_comparer import EvidentlyComparer
from services.monitor.domain.drift import DriftBounds
from services.monitor.domain.drift_judging import DriftLimits
from services.monitor.domain.drift_verdict import DriftVerdict
from services.monitor.domain.reference import Reference

COLUMNS = 192


@dataclass(frozen=True)
class Figure:
    """A measured figure and its bar, which it must not exceed, or not fall below."""

    name: str
    value: float
    unit: str
    bar: float
    is_most: bool

    @property
    def holds(self) -> bool:
        """Return whether the bar is kept."""
        return self.value <= self.bar if self.is_most else self.value >= self.bar

    def __str__(self) -> str:
        """Return the line to print."""
        sign = "≤" if self.is_most else "≥"
        return f"drift {self.name} {self.value:.4g} {self.unit} (bar {sign} {self.bar:g})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 0 if every figure reaches its bar, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift")
    parser.add_argument("--rows", type=int, default=50_000, help="applicants (default: 50,000)")
    parser.add_argument("--windows", type=int, default=200, help="windows of each kind (default: 200)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything that is drawn (default: 0)")
    options = parser.parse_args(arguments)
    training = synthesized(options.rows, COLUMNS, seed=options.seed)
    figures = []
    for figure in measured(training, options.windows, options.seed):
        print(figure, flush=True)
        figures.append(figure)
    return 0 if all(figure.holds for figure in figures) else 1


def measured(training: Training, windows: int, seed: int) -> Iterator[Figure]:
    """Yield every figure, one after the other."""
    random = np.random.default_rng(seed)
    reference = Reference.of(training.facts)
    for rows in SIZES:
        for name, limits in (("", DriftLimits()), ("_without_least_size", DriftLimits(minimum_rows=0))):
            share = false_alarms(training, reference, limits, rows=rows, windows=windows, random=random)
            yield Figure(f"false_alarms_n{rows}{name}", 100 * share, "% of windows", 2.0, is_most=True)
    found = shifts_found(training, reference, windows=windows, random=random)
    yield Figure(f"psi_{SHIFT}_found_n{SIZES[-1]}", 100 * found, "% of windows", 95.0, is_most=False)
    found = missing_found(training, reference, rows=SIZES[1], windows=windows, random=random)
    yield Figure(f"missing_found_n{SIZES[1]}", 100 * found, "% of windows", 95.0, is_most=False)
    yield Figure("status", 1_000 * status_seconds(_everything_drifted(training, reference)), "ms", 5.0, is_most=True)
    yield Figure("speed", cpu_ratio(training, reference), "times less CPU than Evidently", 50.0, is_most=False)


def _everything_drifted(training: Training, reference: Reference) -> DriftVerdict:
    decisions = training.decisions(np.arange(SIZES[-1]))
    return verdict_on(replace(decisions, values=3.0 * decisions.values + 1.0), reference, DriftLimits())


def cpu_ratio(training: Training, reference: Reference) -> float:
    """Return how many times more CPU Evidently's report takes than the fast path, both on all rows.

    Each starts from the rows as they are read; Evidently's import is not counted.
    """
    schema = training.facts.schema
    frame = pl.DataFrame(training.values, schema=list(schema.names), nan_to_null=True)
    projected = _projected(frame, training.margins)
    no_records = pa.table({"prediction_id": pa.array([], pa.string()), "decision_part": pa.array([], pa.binary())})
    categorical = frozenset(feature.name for feature in schema.features if feature.kind != "numeric")

    def fast() -> None:
        verdict_on(new_decisions(projected, no_records, schema.names), reference, DriftLimits())

    def full() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            EvidentlyComparer().compare(frame, frame, categorical, DriftBounds(), None)

    mine, theirs = cpu_seconds(fast), cpu_seconds(full)
    print(f"{frame.width} columns x {frame.height:,} rows: fast path {mine:.2f} s of CPU, Evidently {theirs:.1f} s")
    return theirs / mine


def cpu_seconds(run: Callable[[], None]) -> float:
    """Return the CPU time of all threads of this process that a call takes."""
    start = time.process_time()
    run()
    return time.process_time() - start


def _projected(frame: pl.DataFrame, margins: Floats) -> pa.Table:
    """Return the rows as a projection has them."""
    made = pl.Series(np.arange(frame.height) * 1_000_000).cast(pl.Datetime("us", "UTC"))
    fixed = pl.DataFrame({"create_time": made, "margin": margins})
    texts = (pl.lit("DECISION").alias("purpose"), pl.lit("").alias("prediction_id"))
    return pl.concat([frame, fixed], how="horizontal").with_columns(texts).to_arrow()


if __name__ == "__main__":
    sys.exit(main())
