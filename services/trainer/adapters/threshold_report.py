"""What the run of a version with another's model and a threshold of its own leaves for people to read."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from mlflow import MlflowClient

from services.trainer.adapters.curves import draw_curves
from services.trainer.adapters.dataset_files import ARTIFACTS, CLEANING, FEATURES
from services.trainer.adapters.figures import draw_figures
from services.trainer.adapters.run_files import MlflowFiles
from services.trainer.adapters.tracking import fetch_artifact
from services.trainer.domain.artifacts import FIGURES, MODEL_DOCUMENT, list_artifacts
from services.trainer.domain.cleaning import record_from_json
from services.trainer.domain.scored import Scored
from services.trainer.domain.slices import Attribute, Rated, group_columns, judged_split, repeated, slice_applicants
from services.trainer.domain.threshold_document import ThresholdFacts, threshold_document
from services.trainer.domain.versions import ModelVersion, ThresholdWish
from shared.bundle.dataset import DatasetReference
from shared.bundle.registry import ModelRegistry
from shared.bundle.schema import FeatureSchema


@dataclass(frozen=True)
class ThresholdReporter:
    """Writes reports from what the run of the base version and the data set's run keep in MLflow."""

    client: MlflowClient
    bundles: ModelRegistry

    def write(
        self,
        folder: Path,
        base: ModelVersion,
        wish: ThresholdWish,
        *,
        metrics: Mapping[str, float],
        scored: Mapping[str, Scored],
        dataset: DatasetReference,
    ) -> None:
        """Write into an existing folder the base version's artifacts, those that a threshold changes as they are at it.

        Raises Unavailable, and Precondition SPLIT_REJECTED where the data set's split is not what the model was
        trained with.
        """
        self._copy(base, folder)
        draw_figures(folder / FIGURES, scored, wish.threshold, ())
        draw_curves(folder / FIGURES, scored, wish.threshold, base.costs, ())
        document = folder / MODEL_DOCUMENT
        facts = ThresholdFacts(
            base=base,
            wish=wish,
            metrics=metrics,
            attributes=self._attributes(dataset, scored, wish.threshold),
            judged_on=judged_split(scored),
            base_document=document.read_text(encoding="utf-8") if document.exists() else "",
        )
        document.write_text(threshold_document(facts), encoding="utf-8")

    def _copy(self, base: ModelVersion, folder: Path) -> None:
        (folder / FIGURES).mkdir()
        for artifact in list_artifacts(MlflowFiles(self.client), base.run_id):
            with tempfile.TemporaryDirectory() as scratch:
                fetched = fetch_artifact(self.client, base.run_id, artifact.name, Path(scratch))
                (folder / artifact.name).write_bytes(fetched.read_bytes())

    def _attributes(
        self, dataset: DatasetReference, scored: Mapping[str, Scored], threshold: float
    ) -> tuple[Attribute, ...]:
        features = FeatureSchema.from_json(self._document(dataset, FEATURES)).features
        kept = [fate.column for fate in record_from_json(self._document(dataset, CLEANING)).kept]
        judged_on = judged_split(scored)
        outcomes = scored[judged_on]
        path = self.bundles.fetch_split(dataset, "test" if judged_on == "test" else "train")
        # A wide split may be larger than the memory; groups are told by a few of its columns.
        frame = pl.scan_parquet(path).select(group_columns(features)).collect()
        frame = frame if judged_on == "test" else repeated(frame, len(outcomes.targets))
        rated = Rated(frame, outcomes.targets, outcomes.probabilities, threshold)
        return slice_applicants(rated, features, kept)

    def _document(self, dataset: DatasetReference, name: str) -> dict[str, object]:
        with tempfile.TemporaryDirectory() as scratch:
            fetched = fetch_artifact(self.client, dataset.run_id, f"{ARTIFACTS}/{name}", Path(scratch))
            return dict(json.loads(fetched.read_text(encoding="utf-8")))
