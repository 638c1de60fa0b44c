"""The two models that benchmarks are about, on generated applicants, and a bundle of each in an MLflow of its own.

M100 has 100 trees of 31 leaves, M1000 has 1,000 of 34; both read 200 features, a tenth of their values missing.
"""

import os
from pathlib import Path

import lightgbm
import numpy as np
from mlflow.client import MlflowClient
from numpy.typing import NDArray

from shared.bundle.calibration import Calibrator
from shared.bundle.lightgbm_model import LightGbmModel
from shared.bundle.profile import fit_profile
from shared.bundle.registry import ModelRegistry
from shared.bundle.schema import Feature, FeatureSchema
from shared.bundle.writing import BundleContents, DatasetReference, write_bundle
from shared.mlflow_store import prepare

N_FEATURES = 200
TRAIN_ROWS = 20_000
MODELS = {"M100": (100, 31), "M1000": (1_000, 34)}
NAMES = tuple(f"FEATURE_{place:03d}" for place in range(N_FEATURES))
SCHEMA = FeatureSchema(
    tuple(
        Feature(name, "numeric", "application", (f"application.{name}",), reason_code=name, reason_text=name.title())
        for name in NAMES
    )
)


def train(trees: int, leaves: int) -> tuple[lightgbm.Booster, NDArray[np.float64]]:
    """Return a model and rows to score, a tenth of their values missing."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=(TRAIN_ROWS, N_FEATURES))
    values[generator.random(values.shape) < 0.1] = np.nan
    known = np.nan_to_num(values)
    margins = known[:, 0] + known[:, 1] * known[:, 2] + np.sin(known[:, 3]) + 0.09 * known[:, 4:30].sum(axis=1)
    targets = (margins + generator.normal(size=TRAIN_ROWS) > 1.5).astype(float)  # about one in eight
    parameters = {"objective": "binary", "num_leaves": leaves, "learning_rate": 0.05, "colsample_bytree": 0.5}
    fixed = {"verbosity": -1, "num_threads": 1, "seed": 1}
    return lightgbm.train({**parameters, **fixed}, lightgbm.Dataset(values, targets), trees), values[:1_000]


def publish(name: str, folder: Path) -> dict[str, str]:
    """Make the model the champion of an MLflow in the folder; return the environment of a scorer that serves it."""
    booster, rows = train(*MODELS[name])
    uri, artifacts = f"sqlite:///{folder}/mlflow.db", folder / "artifacts"
    prepare(uri, artifacts)
    digest = write_bundle(folder / "bundle", _contents(name, booster, rows))
    client = MlflowClient(uri, uri)
    experiment = client.create_experiment(name, artifact_location=str(artifacts / name))
    run_id = str(client.create_run(experiment).info.run_id)
    registry = ModelRegistry(uri, cache=folder / "unused")
    version = registry.register_bundle(folder / "bundle", model=name, run_id=run_id, digest=digest)
    client.set_registered_model_alias(name, "champion", str(version))
    return {
        "COUNTERFOIL_MLFLOW_URI": uri,
        "COUNTERFOIL_MLFLOW_ARTIFACTS": str(artifacts),
        "COUNTERFOIL_MODEL": name,
        "PATH": os.environ["PATH"],
    }


def _contents(name: str, booster: lightgbm.Booster, rows: NDArray[np.float64]) -> BundleContents:
    model = LightGbmModel.from_text(booster.model_to_string())
    return BundleContents(
        model_name=name,
        classifier="lightgbm",
        training_job="benchmark",
        schema=SCHEMA,
        cleaning={},
        model=model,
        calibrator=Calibrator("sigmoid", slope=0.9, intercept=-0.1),
        threshold=0.25,
        costs={},
        dataset=DatasetReference("none", "0" * 64, "0", "0", {}),
        profile=fit_profile(rows, model.contributions(rows), NAMES),
        golden_values=rows[:8],
        metrics={},
        library_versions={"lightgbm": lightgbm.__version__},
    )
