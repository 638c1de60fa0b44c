"""The scorer of benchmarks.stream: a real one on loopback whose registry knows one model of 200 features.

`python -m benchmarks.stream_scorer FOLDER MODEL ROWS THREADS` trains M100 or M1000 as benchmarks.kernel does, makes a
split of so many rows, and prints the port once it serves; so many threads compute chunks, 0 for one a core. Each line
on its standard input is answered by the most memory that it has ever held, in MiB, and its seconds of CPU; the end of
the input ends it. No monitor is there: records stay in the spool.
"""

import hashlib
import resource
import sys
import time
from pathlib import Path

import lightgbm
import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.models import MODELS, N_FEATURES, train
from services.scorer.process import prefer_throughput
from shared.bundle.calibration import Calibrator
from shared.bundle.lightgbm_model import LightGbmModel
from shared.bundle.profile import fit_profile
from shared.bundle.schema import Feature, FeatureSchema
from shared.bundle.writing import BundleContents, DatasetReference, SplitReference, write_bundle
from tests.bundles import MODEL, TinyBundle
from tests.fakes import FakeRegistry
from tests.service.scoring import scorer

SPOOL_BYTES = 8 << 30


def served_bundle(booster: lightgbm.Booster, values: NDArray[np.float64], folder: Path, rows: int) -> TinyBundle:
    """Return the sealed model, and a data set whose production split repeats the values up to so many rows."""
    names = tuple(f"F{place:03}" for place in range(N_FEATURES))
    split_values = values[np.arange(rows) % len(values)]
    ids = tuple(str(place) for place in range(rows))
    path = folder / "production.parquet"
    frame = pl.DataFrame({"applicant_id": ids} | {name: split_values[:, at] for at, name in enumerate(names)})
    frame.with_columns(pl.col(names).fill_nan(None)).write_parquet(path)
    split = SplitReference("dataset/production.parquet", hashlib.sha256(path.read_bytes()).hexdigest(), rows)
    model = LightGbmModel.from_text(booster.model_to_string())
    contents = BundleContents(
        model_name=MODEL,
        classifier="lightgbm",
        training_job="benchmark",
        schema=FeatureSchema(tuple(Feature(name, "numeric", "application", ()) for name in names)),
        cleaning={"dropped": []},
        model=model,
        calibrator=Calibrator("sigmoid", slope=0.9, intercept=-0.1),
        threshold=0.25,
        costs={"false_negative": 10.0, "false_positive": 1.0},
        dataset=DatasetReference("ds-benchmark", "d" * 64, "1", "0" * 32, {"production": split}),
        profile=fit_profile(values, model.contributions(values), names),
        golden_values=values[:8],
        metrics={},
        library_versions={"lightgbm": lightgbm.__version__},
    )
    digest = write_bundle(folder / "bundle", contents)
    return TinyBundle(folder / "bundle", digest, contents, {"production": path}, ids, split_values)


def main() -> int:
    """Serve until the input ends."""
    folder, name, rows, threads = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    prefer_throughput()
    booster, values = train(*MODELS[name])
    registry = FakeRegistry()
    registry.register(served_bundle(booster, values, folder, rows), alias="champion")
    with scorer(folder / "state", registry, spool_max_bytes=SPOOL_BYTES, computing_threads=threads) as running:
        print(running.app.server.port, flush=True)
        for _ in sys.stdin:
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, time.process_time(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
