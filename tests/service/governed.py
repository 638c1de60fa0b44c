"""Versions that cost no training: a tiny bundle, registered as a training would."""

from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient

from services.trainer.adapters.versions import version_tags
from services.trainer.domain.threshold import Costs
from services.trainer.settings import Settings
from shared.bundle.registry import ModelRegistry
from tests.bundles import tiny_bundle


@dataclass(frozen=True)
class Shelf:
    """The MLflow of a trainer, to put versions on; `folder` is for the bundles."""

    settings: Settings
    folder: Path

    def register(self, model: str, *, dataset: str = "ds-elsewhere", creator: str = "", obstacle: str = "") -> str:
        """Register a version and return its resource name."""
        client = MlflowClient(self.settings.mlflow_uri)
        experiment = client.create_experiment(f"{model} {len(list(self.folder.iterdir()))} {self.folder.name}")
        bundle = tiny_bundle(self.folder / experiment, seed=3, model_name=model)
        tags = version_tags(
            classifier="lightgbm",
            dataset=dataset,
            training_job="tj-elsewhere",
            threshold=0.1,
            metrics={"cv_auc": 0.7},
            costs=Costs(),
            scored={},
            creator=creator,
            promotion_obstacle=obstacle,
        )
        version = ModelRegistry(self.settings.mlflow_uri, cache=self.folder / "cache").register_bundle(
            bundle.folder,
            model=model,
            run_id=client.create_run(experiment).info.run_id,
            digest=bundle.digest,
            tags=tags,
        )
        return f"models/{model}/versions/{version}"
