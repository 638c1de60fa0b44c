"""Outcomes that runs keep in MLflow, and versions that take another one's model with a threshold of their own."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from mlflow import MlflowClient

from services.trainer.adapters.patience import NO_PATIENCE
from services.trainer.adapters.scored_files import ARTIFACTS, read_scored, scored_file
from services.trainer.adapters.threshold_report import ThresholdReporter
from services.trainer.adapters.tracking import KIND_TAG, RunLog, Tracking, fetch_artifact
from services.trainer.domain.scored import Scored
from services.trainer.domain.versions import ModelVersion, ThresholdWish
from shared.bundle.manifest import open_sealed
from shared.bundle.registry import ModelRegistry
from shared.bundle.writing import reseal
from shared.digests import digest_of_file
from shared.errors import Precondition
from shared.mlflow_store import reaching_mlflow


def fetch_scored(client: MlflowClient, version: ModelVersion, split: str) -> Scored:
    """Return the outcomes that the version's run keeps.

    Raises Precondition OUTCOMES_NOT_STORED where there are none of the split, or others than were stored.
    """
    with tempfile.TemporaryDirectory() as folder:
        return read_scored(_fetch(client, version, split, Path(folder)))


def register_rethresholded(
    client: MlflowClient,
    bundles: ModelRegistry,
    *,
    base: ModelVersion,
    wish: ThresholdWish,
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
) -> int:
    """Register the base version's bundle, resealed with the threshold, from a run of its own; return the number.

    The run keeps the outcomes as well, figures and a model document, so that it outlives the base version. `tags` are
    those of the new version.
    """
    bundle = bundles.fetch_bundle(bundles.resolve(base.model, str(base.version)))
    with reaching_mlflow():
        experiment = client.get_run(base.run_id).info.experiment_id
    tracking = Tracking(client, NO_PATIENCE)
    name = f"{base.model}/{base.version} at {wish.threshold:g}"
    with (
        tempfile.TemporaryDirectory() as scratch,
        tracking.run(experiment_id=experiment, name=name, tags={KIND_TAG: "threshold"}) as run,
    ):
        folder = Path(scratch)
        run.params({"model": base.model, "base_version": base.version, "reason": wish.reason})
        run.metrics({**metrics, "threshold": wish.threshold})
        scored = _copy_scored(client, base, run, folder / "outcomes")
        report = folder / "report"
        report.mkdir()
        dataset = open_sealed(bundle, base.bundle_digest).manifest.dataset
        ThresholdReporter(client, bundles).write(report, base, wish, metrics=metrics, scored=scored, dataset=dataset)
        run.folder(report)
        sealed = folder / "bundle"
        digest = reseal(bundle, sealed, digest=base.bundle_digest, threshold=wish.threshold, metrics=metrics)
        return bundles.register_bundle(sealed, model=base.model, run_id=run.run_id, digest=digest, tags=tags)


def _copy_scored(client: MlflowClient, base: ModelVersion, run: RunLog, folder: Path) -> dict[str, Scored]:
    folder.mkdir()
    for split in base.scored:
        with tempfile.TemporaryDirectory() as scratch:
            # Where below the scratch folder it arrives depends on the artifacts' store.
            _fetch(client, base, split, Path(scratch)).rename(folder / scored_file(split))
    run.folder(folder, ARTIFACTS)
    return {split: read_scored(folder / scored_file(split)) for split in base.scored}


def _fetch(client: MlflowClient, version: ModelVersion, split: str, folder: Path) -> Path:
    artifact = f"{ARTIFACTS}/{scored_file(split)}"
    with reaching_mlflow():
        kept = [file.path for file in client.list_artifacts(version.run_id, ARTIFACTS)]
    if split not in version.scored or artifact not in kept:
        raise _not_stored(version, split)
    path = fetch_artifact(client, version.run_id, artifact, folder)
    if digest_of_file(path) != version.scored[split]:
        raise _not_stored(version, split)
    return path


def _not_stored(version: ModelVersion, split: str) -> Precondition:
    return Precondition(
        f"the run of version {version.version} keeps no outcomes of {split} as they were when it was trained; choose "
        "another split, or train on the data set again",
        reason="OUTCOMES_NOT_STORED",
        metadata={"model": version.model, "version": str(version.version), "split": split},
    )
