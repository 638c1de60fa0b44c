"""Registered versions of models, as callers see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.trainer.domain.governance import AliasRegistry


@dataclass(frozen=True)
class ModelVersion:
    """One registered version; `dataset` and `training_job` are ids, `threshold` is a probability."""

    model: str
    version: int
    create_time: datetime
    classifier: str
    dataset: str
    training_job: str
    run_id: str
    aliases: tuple[str, ...]
    bundle_digest: str
    threshold: float
    metrics: Mapping[str, float]
    etag: str


class VersionRegistry(AliasRegistry, Protocol):
    """Where versions and aliases are kept. Declared here because its only keeper takes seconds to import."""

    def get(self, model: str, version_or_alias: str) -> ModelVersion:
        """Return one version; raises NotFound."""
        ...

    def of_model(self, model: str) -> Sequence[ModelVersion]:
        """Return every version of a model, newest first; raises NotFound."""
        ...

    def clear_up(self, experiment: str, job: str, *, cancelled: bool) -> None:
        """Close the runs that an ended job left open in the experiment and withdraw the versions they made."""
        ...
