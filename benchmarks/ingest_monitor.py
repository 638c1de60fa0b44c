"""The monitor of benchmarks.ingest: the real one, but for the registry, which knows one model of 200 features.

`python -m benchmarks.ingest_monitor` reads the settings from COUNTERFOIL_* variables, as the monitor does, keeps to two
cores and serves until SIGTERM.
"""

import datetime as dt
import os
import sys

import numpy as np

from benchmarks.ingest_segments import BUNDLE_DIGEST, FEATURES, MODEL_VERSION
from services.monitor.app import build
from services.monitor.domain.model import ModelFacts
from services.monitor.settings import Settings
from shared.bundle.dataset import DatasetReference
from shared.bundle.profile import fit_profile
from shared.bundle.schema import Feature, FeatureSchema
from shared.errors import NotFound
from shared.rpc.serving import serve
from shared.settings import read_settings

CORES = 2


class OneModel:
    """Knows the model that the benchmark's segments name."""

    def find(self, model_version: str) -> ModelFacts:
        """Return its facts; raises NotFound for any other."""
        if model_version != MODEL_VERSION:
            raise NotFound(f"there is no {model_version}", reason="MODEL_VERSION_NOT_FOUND")
        schema = FeatureSchema(tuple(Feature(name, "numeric", "application", ()) for name in FEATURES))
        values = np.random.default_rng(0).normal(size=(1_000, len(FEATURES)))
        profile = fit_profile(values, np.column_stack([values, values[:, 0]]), FEATURES)
        return ModelFacts(MODEL_VERSION, BUNDLE_DIGEST, schema, profile, DatasetReference("ds", "d" * 64, "1", "r", {}))

    def promoted_at(self, model_version: str) -> dt.datetime | None:
        """Return when the log began."""
        return dt.datetime.fromtimestamp(0, dt.UTC) if model_version == MODEL_VERSION else None


def main() -> int:
    """Serve."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    app = build(read_settings(Settings, os.environ), models=OneModel())
    serve(app.server, app.stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
