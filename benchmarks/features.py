"""All 771 reference features of eight tables, ours against pandas and against straightforward Polars, side by side.

`python -m benchmarks.features` makes tables of Kaggle's size (73 million rows, CSV and the Parquet that `counterfoil
tables convert` makes of it) unless they are there, checks that every side gives the same values and missing cells, and
times the sides in turn, each in a process of its own: the least of the rounds counts, since cores come and go.

What is timed is opening the tables, fixing the levels and building. Each side first builds the features of a few
applicants, which is not timed but printed: there it loads what it needs, ours its compiled loops from numba's cache
(a machine's very first process compiles them, for some seconds more). CPU is user and system time of all threads. The
peak is the highest resident memory of the process (VmHWM), mapped pages of files among it. Ours ends with the features
as Float64 in a file in the temporary folder, mapped but not read again, which writing is timed; what the system's file
cache holds of that file, and of the tables on every side, is the system's to drop and in no side's peak. All sides have
the environment of a data set's job, in which Polars' allocator keeps memory for three seconds.

Exits 1 below a bar.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks import pandas_features, polars_features
from shared.features.building import fit_features
from shared.features.filing import InFile
from shared.features.keeping import ENVIRONMENT
from shared.features.specification import CLIENT_KEY
from shared.features.tables import FeatureTables
from shared.tables.converting import convert_tables
from shared.tables.streaming import stream_tables
from shared.tables.synthesizing import synthesize

APPLICANTS = 356_000
FEW_APPLICANTS = 300
SEED = 1
TOLERANCE = 1e-9
# Its variances of payments near each other lose more digits than pandas' do: 1.4e-9 at full size. It is what
# ours is measured against, not ours.
POLARS_TOLERANCE = 1e-8
SIDES = ("pandas-csv", "pandas-parquet", "polars-parquet", "ours-csv", "ours-parquet")
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Run:
    """What one build took, and what the one of a few applicants took before it."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    first_seconds: float

    def __str__(self) -> str:
        """Return what is printed of it."""
        took = f"{self.wall_seconds:7.2f} s wall {self.cpu_seconds:7.2f} s CPU {self.peak_bytes / 1e9:5.2f} GB"
        return f"{took} (first build of a few {self.first_seconds:.2f} s)"


@dataclass(frozen=True)
class Bar:
    """A figure, what it is a multiple of, and how large it must be at least."""

    name: str
    figure: float
    unit: str
    least: float

    def __str__(self) -> str:
        """Return the line that is printed."""
        return f"features {self.name} {self.figure:.2f} {self.unit} (bar ≥ {self.least:g})"


def build_ours(directory: Path, file_format: str) -> pl.DataFrame:
    """Return the features as a data set's job makes them."""
    tables = stream_tables(directory / file_format)
    table = fit_features(FeatureTables(tables.frames, tables.codes), keeper=InFile())[1]
    tables.reports()
    return table.frame


def build_pandas(directory: Path, file_format: str) -> Callable[[], pl.DataFrame]:
    """Return how to turn pandas' features, which are built now, into a frame."""
    built = pandas_features.build(directory / file_format, file_format)
    return lambda: pl.DataFrame(
        {CLIENT_KEY: built.index.to_numpy(), **{c: built[c].to_numpy(dtype=np.float64) for c in built.columns}}
    )


def build_side(side: str, directory: Path) -> Callable[[], pl.DataFrame]:
    """Build the features and return how to have them as a frame."""
    name, file_format = side.split("-")
    if name == "pandas":
        return build_pandas(directory, file_format)
    if name == "polars":
        built = polars_features.build(directory / file_format, file_format)
    else:
        built = build_ours(directory, file_format)
    return lambda: built


def run_here(side: str, directory: Path, few: Path, keep: Path | None) -> Run:
    """Build a few and then all in this process; with `keep`, write the features there afterwards."""
    first = time.perf_counter()
    build_side(side, few)
    first = time.perf_counter() - first
    wall, cpu = time.perf_counter(), time.process_time()
    built = build_side(side, directory)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = peak_bytes()
    if keep is not None:
        comparable(built()).write_parquet(keep, compression="lz4")
    return Run(wall, cpu, peak, first)


def peak_bytes() -> int:
    """Return the most memory that was resident in this process, from Linux; getrusage tells of its parent too."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def comparable(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the features as Float64, missing ones null, sorted by client."""
    features = [c for c in frame.columns if c != CLIENT_KEY]
    return frame.select(pl.col(CLIENT_KEY).cast(pl.Int64), pl.col(features).cast(pl.Float64).fill_nan(None)).sort(
        CLIENT_KEY
    )


def run_apart(side: str, directory: Path, few: Path, keep: Path | None) -> Run:
    """Build once in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.features", "--side", side]
    command += ["--tables", str(directory), "--few", str(few)]
    command += ["--keep", str(keep)] if keep else []
    environment = {**ENVIRONMENT, **os.environ}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def make_tables(directory: Path, applicants: int) -> None:
    """Write the tables as CSV and converted into the directory, unless they are there."""
    if not (directory / "csv").exists():
        synthesize(directory / "csv", applicants=applicants, seed=SEED, file_format="csv")
    if not (directory / "parquet").exists():
        convert_tables(directory / "csv", directory / "parquet")


def refuse_differences(folder: Path) -> float:
    """Return the largest relative difference to pandas; AssertionError if columns, missing cells or values differ."""
    theirs = pl.read_parquet(folder / f"{SIDES[0]}.parquet")
    return max(difference(pl.read_parquet(folder / f"{side}.parquet"), theirs, side) for side in SIDES[1:])


def difference(ours: pl.DataFrame, theirs: pl.DataFrame, side: str) -> float:
    """Return the largest relative difference; AssertionError if anything else differs or it is beyond the tolerance."""
    if set(ours.columns) != set(theirs.columns) or not ours[CLIENT_KEY].equals(theirs[CLIENT_KEY]):
        raise AssertionError(f"{side}: other columns or clients than pandas")
    worst = 0.0
    for name in theirs.columns:
        if not ours[name].is_null().equals(theirs[name].is_null()):
            raise AssertionError(f"{side}: {name} is missing for other clients than with pandas")
        worst = max(worst, relative(ours[name].drop_nulls().to_numpy(), theirs[name].drop_nulls().to_numpy()))
        if worst > (POLARS_TOLERANCE if side == "polars-parquet" else TOLERANCE):
            raise AssertionError(f"{side}: {name} differs by {worst:.1e}")
    return worst


def relative(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    """Return the largest difference relative to the larger of both values."""
    scale = np.maximum(np.maximum(np.abs(ours), np.abs(theirs)), np.finfo(np.float64).tiny)
    return float(np.max(np.abs(ours - theirs) / scale, initial=0.0))


def measure(directory: Path, rounds: int) -> dict[str, list[Run]]:
    """Return the runs of each side, taken in turn; AssertionError if the features of the first round differ."""
    runs: dict[str, list[Run]] = {side: [] for side in SIDES}
    with TemporaryDirectory() as folder:
        few = Path(folder) / "few"
        make_tables(few, FEW_APPLICANTS)
        for number in range(rounds):
            for side in SIDES:
                run = run_apart(side, directory, few, None if number else Path(folder) / f"{side}.parquet")
                runs[side].append(run)
                print(f"round {number + 1} {side:15} {run}", flush=True)
            if number == 0:
                worst = refuse_differences(Path(folder))
                print(f"equal columns, clients and missing cells; largest relative difference {worst:.1e}", flush=True)
    return runs


def bars(runs: Mapping[str, Sequence[Run]]) -> list[Bar]:
    """Return the figures: least wall time against least, our highest peak against pandas' lowest of the same format."""
    wall = {side: min(run.wall_seconds for run in taken) for side, taken in runs.items()}
    peaks = {side: [run.peak_bytes for run in taken] for side, taken in runs.items()}
    memory = {kind: min(peaks[f"pandas-{kind}"]) / max(peaks[f"ours-{kind}"]) for kind in ("parquet", "csv")}
    times = "times less time"
    return [
        Bar("parquet_to_pandas_csv", wall["pandas-csv"] / wall["ours-parquet"], times, 10.0),
        Bar("parquet_to_pandas_parquet", wall["pandas-parquet"] / wall["ours-parquet"], times, 6.0),
        Bar("csv_to_pandas_csv", wall["pandas-csv"] / wall["ours-csv"], times, 5.0),
        Bar("parquet_to_polars_parquet", wall["polars-parquet"] / wall["ours-parquet"], times, 2.0),
        Bar("parquet_memory", memory["parquet"], "times less memory", 2.0),
        Bar("csv_memory", memory["csv"], "times less memory", 2.0),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 0 if every figure reaches its bar, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.features")
    parser.add_argument("--applicants", type=int, default=APPLICANTS, help="of the tables that are made")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tables", type=Path, help="folder of the tables, kept; default: a temporary one")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--few", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--keep", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.side:
        print(json.dumps(asdict(run_here(options.side, options.tables, options.few, options.keep))))
        return 0
    with TemporaryDirectory() as folder:
        directory = options.tables or Path(folder)
        make_tables(directory, options.applicants)
        figures = bars(measure(directory, options.rounds))
    print(*figures, sep="\n")
    return int(any(bar.figure < bar.least for bar in figures))


if __name__ == "__main__":
    sys.exit(main())
