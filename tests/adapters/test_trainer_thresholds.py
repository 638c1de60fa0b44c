"""Outcomes are kept as they were, and a version with another threshold is the same model in another seal."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from services.trainer.adapters.patience import NO_PATIENCE
from services.trainer.adapters.scored_files import ARTIFACTS, read_scored, scored_file, write_scored
from services.trainer.adapters.tracking import Tracking
from services.trainer.adapters.versions import MlflowVersions, version_tags
from services.trainer.domain.artifacts import list_artifacts, read_artifact
from services.trainer.domain.cleaning import CleaningOptions, CleaningRecord, ColumnFate, Imputation
from services.trainer.domain.scored import Scored
from services.trainer.domain.threshold import Costs
from services.trainer.domain.versions import ModelVersion, ThresholdWish
from shared.bundle.manifest import open_sealed
from shared.bundle.reading import load_bundle
from shared.bundle.registry import ModelRegistry
from shared.errors import Precondition
from tests.adapters.mlflow_stores import MlflowStore
from tests.bundles import SCHEMA, TinyBundle, tiny_bundle

# Of the data set's 600 applicants in its train split, twice: out of fold in two repeats.
_DRAW = np.random.default_rng(8)
_SCORED = Scored(
    (_DRAW.random(1200) < 0.3).astype(np.int8), np.r_[0.1 + 0.2, 5e-324, _DRAW.random(1198)], _DRAW.random(1200) * 9e6
)
_COSTS = Costs(0.6, 0.1, "AMT_CREDIT")
_WISH = ThresholdWish("rethresholded", 1, 0.25, "why not", "CN=analyst", "r-1")


@pytest.fixture(scope="module")
def tiny(mlflow_store: MlflowStore, tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return the bundle of version 1, whose data set is in MLflow."""
    client, folder = mlflow_store.client, tmp_path_factory.mktemp("tiny")
    experiment = Tracking(client, NO_PATIENCE).experiment("ds-rethresholded")
    run = client.create_run(experiment).info.run_id
    tiny = tiny_bundle(folder, seed=6, model_name="rethresholded", experiment_id=experiment, run_id=run)
    record = CleaningRecord(CleaningOptions(Imputation.NONE), tuple(ColumnFate(name, 0.0) for name in SCHEMA.names))
    (folder / "dataset" / "features.json").write_text(json.dumps(SCHEMA.to_json()))
    (folder / "dataset" / "cleaning.json").write_text(json.dumps(record.to_json()))
    client.log_artifacts(run, str(folder / "dataset"), "dataset")
    return tiny


@pytest.fixture(scope="module")
def registry(mlflow_store: MlflowStore, tmp_path_factory: pytest.TempPathFactory) -> ModelRegistry:
    """Return the registry of the bundles."""
    return ModelRegistry(mlflow_store.uri, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def versions(
    mlflow_store: MlflowStore, registry: ModelRegistry, tiny: TinyBundle, tmp_path_factory: pytest.TempPathFactory
) -> MlflowVersions:
    """Return a registry with version 1, whose run keeps the outcomes of cv."""
    client, folder = mlflow_store.client, tmp_path_factory.mktemp("scored")
    run = client.create_run(Tracking(client, NO_PATIENCE).experiment("ds-rethresholded")).info.run_id
    digests = write_scored(folder, {"cv": _SCORED})
    client.log_artifacts(run, str(folder), ARTIFACTS)
    client.log_text(run, "# Model document: version 1\n\n## Intended use\n", "model_document.md")
    client.log_text(run, "trial\n0\n", "cv_results.csv")
    for name in ("feature_importance", "cost_curve"):
        client.log_text(run, "of version 1", f"figures/{name}.png")
    tags = version_tags(
        classifier="lightgbm",
        dataset="ds-rethresholded",
        training_job="tj-1",
        threshold=tiny.contents.threshold,
        metrics={"cv_auc": 0.7},
        costs=_COSTS,
        scored=digests,
        promotion_obstacle="none of your business",
    )
    registry.register_bundle(tiny.folder, model="rethresholded", run_id=run, digest=tiny.digest, tags=tags)
    return MlflowVersions(client, registry)


@pytest.fixture(scope="module")
def made(versions: MlflowVersions) -> ModelVersion:
    """Return version 2, with the threshold that was wished for."""
    number = versions.register_rethresholded(versions.get("rethresholded", "1"), _WISH, {"cv_auc": 0.7, "cv_f1": 0.1})
    return versions.get("rethresholded", str(number))


def test_outcomes_come_back_to_the_last_bit(tmp_path: Path) -> None:
    """Equal ones are equal files."""
    digests = write_scored(tmp_path, {"cv": _SCORED, "test": _SCORED})

    again = read_scored(tmp_path / scored_file("test"))

    assert digests["cv"] == digests["test"]
    for name in ("targets", "probabilities", "amounts"):
        assert getattr(again, name).tobytes() == getattr(_SCORED, name).tobytes()
        assert getattr(again, name).dtype == getattr(_SCORED, name).dtype


def test_only_the_manifest_of_the_new_bundle_is_another(
    registry: ModelRegistry, tiny: TinyBundle, made: ModelVersion
) -> None:
    """Model, calibrator and golden rows are the same bytes; threshold and metrics are the new ones, the rest is not."""
    folder = registry.fetch_bundle(registry.resolve("rethresholded", str(made.version)))
    before, after = open_sealed(tiny.folder, tiny.digest), open_sealed(folder, made.bundle_digest)

    assert after.files == before.files
    assert after.manifest == replace(before.manifest, threshold=0.25, metrics={"cv_auc": 0.7, "cv_f1": 0.1})
    assert load_bundle(folder, digest=made.bundle_digest).threshold == 0.25


def test_the_new_version_tells_where_it_comes_from(versions: MlflowVersions, made: ModelVersion) -> None:
    """From the registry alone."""
    base = versions.get("rethresholded", "1")

    assert (made.base_version, made.threshold, made.reason, made.creator) == (1, 0.25, "why not", "CN=analyst")
    assert (made.costs, made.scored, made.training_job) == (base.costs, base.scored, base.training_job)
    assert (made.promotion_obstacle, made.dataset) == ("none of your business", "ds-rethresholded")
    assert made.run_id != base.run_id
    assert (base.base_version, base.reason) == (0, "")


def test_its_run_keeps_the_outcomes_and_its_metrics(
    mlflow_store: MlflowStore, versions: MlflowVersions, made: ModelVersion
) -> None:
    """So that the base version and its run may go."""
    run = mlflow_store.client.get_run(made.run_id)

    kept = versions.scored(made, "cv")

    assert kept.probabilities.tobytes() == _SCORED.probabilities.tobytes()
    assert (run.info.status, run.data.tags["counterfoil.kind"]) == ("FINISHED", "threshold")
    assert run.data.metrics == {"cv_auc": 0.7, "cv_f1": 0.1, "threshold": 0.25}
    assert (run.data.params["base_version"], run.data.params["reason"]) == ("1", "why not")


def test_its_run_has_figures_and_a_document_at_its_threshold(versions: MlflowVersions, made: ModelVersion) -> None:
    """Those of the base version that a threshold does not change, too; and its document at the end."""
    base = versions.get("rethresholded", "1")
    told = {artifact.name for artifact in list_artifacts(versions.files, made.run_id)}
    text = b"".join(read_artifact(versions.files, made.run_id, "model_document.md")).decode()

    figures = ("calibration", "confusion_matrix", "cost_curve", "feature_importance", "precision_recall", "roc_curve")
    assert told == {"model_document.md", "cv_results.csv", *(f"figures/{name}.png" for name in figures)}
    assert b"".join(read_artifact(versions.files, made.run_id, "figures/feature_importance.png")) == b"of version 1"
    assert b"".join(read_artifact(versions.files, made.run_id, "figures/cost_curve.png")).startswith(b"\x89PNG")
    assert f"from {base.threshold:.6f} on. CN=analyst had it registered and gave as the reason: why not" in text
    assert "### CODE_GENDER\n\nUsed by the model. Ratio of approval rates" in text
    assert text.endswith("## Model document: version 1\n\n### Intended use\n")


def test_a_version_is_found_by_the_request_that_made_it(versions: MlflowVersions, made: ModelVersion) -> None:
    """With what was asked for, to compare another content with."""
    found = versions.of_request(_WISH.request)

    assert found is not None
    assert (found.version, found.content) == (made, _WISH.content)
    assert versions.of_request(replace(_WISH, request_id="r-2").request) is None


@pytest.mark.parametrize("trouble", ["another split", "other outcomes", "gone"])
def test_outcomes_that_are_not_those_of_the_training_are_refused(
    mlflow_store: MlflowStore, versions: MlflowVersions, tmp_path: Path, trouble: str
) -> None:
    """A threshold must not be judged by what somebody put there since."""
    version, split = versions.get("rethresholded", "1"), "cv"
    if trouble == "another split":
        split = "test"
    else:
        run = mlflow_store.client.create_run(
            Tracking(mlflow_store.client, NO_PATIENCE).experiment(f"ds-{trouble}")
        ).info.run_id
        version = replace(version, run_id=run)
    if trouble == "other outcomes":
        pl.DataFrame({"target": [1], "probability": [0.5], "amount": [1.0]}).write_parquet(tmp_path / "cv.parquet")
        mlflow_store.client.log_artifact(version.run_id, str(tmp_path / "cv.parquet"), ARTIFACTS)

    with pytest.raises(Precondition) as refusal:
        versions.scored(version, split)

    assert refusal.value.reason == "OUTCOMES_NOT_STORED"
