"""Every classifier with every imbalance and preprocessing: trained, registered, and scoring without a trainer.

A real MLflow holds all versions; one process without scikit-learn, OptBinning or pickle loads and scores them all.
"""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from services.trainer.adapters.versions import MlflowVersions, version_tags
from services.trainer.domain.bundling import Provenance, bundle_contents, promotion_obstacle
from services.trainer.domain.classifiers.catalogue import CLASSIFIERS
from services.trainer.domain.cleaning import CleaningOptions, Imputation
from services.trainer.domain.cleaning_rules import fit_cleaning
from services.trainer.domain.dataset import LabelledRows
from services.trainer.domain.hyperparameters import Grid
from services.trainer.domain.imbalance import Imbalance
from services.trainer.domain.plan import Resampling, TrainingPlan
from services.trainer.domain.preprocessing import Preprocessing
from services.trainer.domain.threshold import Costs
from services.trainer.domain.training import Listeners, Training, train_model
from shared.bundle.registry import ModelRegistry
from shared.bundle.schema import Feature
from shared.bundle.writing import BundleContents, DatasetReference, write_bundle
from tests.adapters.mlflow_stores import MlflowStore
from tests.fakes import RememberedStudy
from tests.processes import ROOT

MODEL = "matrix"
ROWS = 300
NUMBERS, FLAGS = 6, 6
COLUMNS = tuple(f"NUMBER_{place}" for place in range(NUMBERS)) + tuple(f"FLAG_{place}" for place in range(FLAGS))
SMALL: Mapping[str, Grid] = {
    "gradient_boosting": {"n_estimators": (10,), "max_features": (0.5,)},
    "hist_gradient_boosting": {"max_iter": (10,), "max_features": (0.5,), "learning_rate": (0.1,)},
    "lightgbm": {"n_estimators": (10,), "learning_rate": (0.1,), "colsample_bytree": (0.5,), "reg_lambda": (1.0,)},
    "logistic_regression": {},
    "woe_scorecard": {"max_n_bins": (3,)},
}
Key = tuple[str, Imbalance, Preprocessing]

COMBINATIONS: list[Key] = list(itertools.product(CLASSIFIERS, Imbalance, Preprocessing))


@dataclass(frozen=True)
class Matrix:
    """What was trained, the versions that it was registered as, and what the process that scores said of each."""

    rows: NDArray[np.float64]
    trainings: Mapping[Key, Training]
    versions: Mapping[Key, int]
    answers: Mapping[Key, Any]


def applicants() -> LabelledRows:
    """Return numbers and flags, a twentieth of them missing; the first of each tell who defaults."""
    random = np.random.default_rng(12)
    values = np.hstack([random.normal(size=(ROWS, NUMBERS)), random.integers(0, 2, (ROWS, FLAGS))])
    values[:, 1] = values[:, 0] + 0.1 * random.normal(size=ROWS)
    risk = 2.5 * values[:, 0] + 1.5 * values[:, NUMBERS] - 3.0
    targets = (random.random(ROWS) < 1.0 / (1.0 + np.exp(-risk))).astype(np.int8)
    values[:, 2:NUMBERS][random.random((ROWS, NUMBERS - 2)) < 0.05] = np.nan
    return LabelledRows(pl.DataFrame(values, schema=list(COLUMNS), nan_to_null=True), targets)


def train(key: Key, rows: LabelledRows) -> tuple[Training, BundleContents]:
    """Return what one combination learnt, by the trainer's own domain code, and its bundle's contents."""
    classifier, imbalance, preprocessing = key
    neighbours: Grid = {"smote_k_neighbors": (3,)} if imbalance.oversamples else {}
    grid = {**SMALL[classifier], **neighbours}
    plan = TrainingPlan(
        "ds-1", MODEL, classifier, grid, Resampling(2, 1, 0), imbalance=imbalance, preprocessing=preprocessing
    )
    record = fit_cleaning(rows.frame, COLUMNS, CleaningOptions(Imputation.MEDIAN), targets=rows.targets)
    training = train_model(
        plan,
        train=rows,
        test=LabelledRows(rows.frame.head(0), rows.targets[:0]),
        record=record,
        study=RememberedStudy(),
        threads=1,
        listeners=Listeners(lambda *_: None, lambda _: None),
    )
    features = [Feature(name, "numeric", "application", (f"application.{name}",)) for name in COLUMNS]
    provenance = Provenance("trainingJobs/tj-1", DatasetReference("ds-1", "0" * 64, "1", "run", {}), {})
    contents = bundle_contents(plan, training, train=rows, record=record, features=features, provenance=provenance)
    return training, contents


@pytest.fixture(scope="module")
def matrix(mlflow_store: MlflowStore, tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    """Train and register all combinations, fetch them again, and score with all of them in a process of its own."""
    folder = tmp_path_factory.mktemp("matrix")
    rows = applicants()
    registry = ModelRegistry(mlflow_store.uri, cache=folder / "cache")
    client = mlflow_store.client
    run_id = client.create_run(client.create_experiment("matrix")).info.run_id
    trainings: dict[Key, Training] = {}
    versions: dict[Key, int] = {}
    folders: dict[Key, Path] = {}
    for number, key in enumerate(COMBINATIONS):
        trainings[key], contents = train(key, rows)
        digest = write_bundle(folder / str(number), contents)
        tags = version_tags(
            classifier=contents.classifier,
            dataset="ds-1",
            training_job="tj-1",
            threshold=contents.threshold,
            metrics=contents.metrics,
            costs=Costs(),
            scored={},
            promotion_obstacle=promotion_obstacle(contents.model),
        )
        versions[key] = registry.register_bundle(
            folder / str(number), model=MODEL, run_id=run_id, digest=digest, tags=tags
        )
        folders[key] = registry.fetch_bundle(registry.resolve(MODEL, str(versions[key])))
    values = trainings[COMBINATIONS[0]].train_values
    answers = _scored(folder, values, [str(path) for path in folders.values()])
    return Matrix(values, trainings, versions, {key: answers[str(path)] for key, path in folders.items()})


def _scored(folder: Path, values: NDArray[np.float64], folders: list[str]) -> dict[str, Any]:
    np.save(folder / "rows.npy", values)
    program = Path(__file__).with_name("matrix_program.py")
    command = [sys.executable, "-W", "error", str(program), str(folder / "rows.npy"), str(folder / "answers.json")]
    done = subprocess.run(
        [*command, *folders], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    return answers


@pytest.mark.parametrize(("classifier", "imbalance", "preprocessing"), COMBINATIONS, ids=map("-".join, COMBINATIONS))
def test_it_trains_registers_loads_without_pickle_and_scores(
    matrix: Matrix, classifier: str, imbalance: Imbalance, preprocessing: Preprocessing
) -> None:
    """The bits that were evaluated, alone as in a batch; reasons add up, or there are none where none are exact."""
    key = (classifier, imbalance, preprocessing)
    training, answer = matrix.trainings[key], matrix.answers[key]

    exact = preprocessing is not Preprocessing.PCA or classifier == "logistic_regression"
    assert answer["kind"] == training.model.kind
    assert answer["margins"] == answer["alone"] == training.model.margins(matrix.rows).tolist()
    assert training.metrics["cv_auc"] > 0.65
    assert (answer["gap"] is not None, training.model.explains) == (exact, exact)
    assert answer["gap"] is None or answer["gap"] <= 1e-9


def test_only_trees_on_components_are_kept_from_promotion(matrix: Matrix, mlflow_store: MlflowStore) -> None:
    """Their versions say why, so that nobody has to find out."""
    versions = MlflowVersions(mlflow_store.client, ModelRegistry(mlflow_store.uri, cache=Path("unused")))
    obstacles = {version.version: version.promotion_obstacle for version in versions.of_model(MODEL)}

    kept = {key for key, number in matrix.versions.items() if obstacles[number]}

    assert kept == {key for key in matrix.versions if key[2] is Preprocessing.PCA and key[0] != "logistic_regression"}
    assert len(matrix.versions) == len(CLASSIFIERS) * len(Imbalance) * len(Preprocessing)
