"""Versions and aliases in MLflow's model registry."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from services.trainer.domain.governance import Promotion, etag_of
from services.trainer.domain.versions import ModelVersion
from shared.bundle.registry import DIGEST_TAG, ModelRegistry
from shared.errors import NotFound
from shared.mlflow_store import prepare, reaching_mlflow

_PREFIX = "counterfoil."
MOVES_TAG = f"{_PREFIX}alias_moves"
_PAGE = 1000
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


def version_tags(
    *, classifier: str, dataset: str, training_job: str, threshold: float, metrics: Mapping[str, float]
) -> dict[str, str]:
    """Return what a version says of itself in the registry, so that a list of versions opens no bundle."""
    tags = {"classifier": classifier, "dataset": dataset, "training_job": training_job}
    figures = {"threshold": repr(threshold), "metrics": json.dumps(dict(metrics))}
    return {f"{_PREFIX}{name}": value for name, value in (tags | figures).items()}


def open_versions(uri: str, artifacts: Path, cache: Path) -> "MlflowVersions":
    """Return the registry of the MLflow at `uri`, its database made or migrated first where it is a SQLite file."""
    prepare(uri, artifacts)
    with reaching_mlflow():
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    return MlflowVersions(client, ModelRegistry(uri, cache=cache))


class MlflowVersions:
    """A VersionRegistry in MLflow. Versions that counterfoil did not register are not shown.

    Every method raises Unavailable MLFLOW_UNAVAILABLE where MLflow does not answer.
    """

    def __init__(self, client: MlflowClient, bundles: ModelRegistry) -> None:
        self._client = client
        self._bundles = bundles

    def get(self, model: str, version_or_alias: str) -> ModelVersion:
        """Return one version; raises NotFound, and Precondition where no version has the alias or it is not ours."""
        number = self._bundles.resolve(model, version_or_alias).version
        aliases, moves = self.aliases(model)
        with reaching_mlflow():
            found = self._client.get_model_version(model, str(number))
        return _version(found, aliases, moves)

    def of_model(self, model: str) -> list[ModelVersion]:
        """Return every version of a model, newest first; raises NotFound."""
        aliases, moves = self.aliases(model)
        with reaching_mlflow():
            found = self._search(f"name = '{model}'")
        return [_version(each, aliases, moves) for each in found]

    def _search(self, condition: str) -> list[Any]:
        """Return what MLflow has of our versions under a condition, newest first."""
        found: list[Any] = []
        token = None
        while token is None or token:
            page = self._client.search_model_versions(condition, _PAGE, ["version_number DESC"], token)
            found += [each for each in page if DIGEST_TAG in each.tags]
            token = page.token or ""
        return found

    def aliases(self, model: str) -> tuple[Mapping[str, int], int]:
        """Return the aliases of a model with their versions, and the moves so far; raises NotFound."""
        with reaching_mlflow():
            try:
                found = self._client.get_registered_model(model)
            except MlflowException as error:
                if error.error_code not in _ABSENT:
                    raise
                message = f"no model is registered as {model!r}; train one first"
                raise NotFound(message, reason="MODEL_NOT_FOUND", metadata={"model": model}) from error
        return {alias: int(number) for alias, number in found.aliases.items()}, int(found.tags.get(MOVES_TAG, "0"))

    def move_alias(self, promotion: Promotion, *, moves: int, time: datetime) -> None:
        """Point the alias to the version and write who, why and when on the version; raises NotFound."""
        version = str(self._bundles.resolve(promotion.model, str(promotion.version)).version)
        record = {"approver": promotion.approver, "reason": promotion.reason, "time": time.isoformat()}
        with reaching_mlflow():
            # The count moves first: an etag read before can then never be taken for one read after.
            self._client.set_registered_model_tag(promotion.model, MOVES_TAG, str(moves))
            self._client.set_registered_model_alias(promotion.model, promotion.alias, version)
            key = f"{_PREFIX}promoted.{promotion.alias}.{moves}"
            self._client.set_model_version_tag(promotion.model, version, key, json.dumps(record))

    def clear_up(self, experiment: str, job: str, *, cancelled: bool) -> None:
        """Close the runs that an ended job left open in the experiment and withdraw the versions they made."""
        with reaching_mlflow():
            found = self._client.get_experiment_by_name(experiment)
            if found is None:
                return
            runs = self._client.search_runs([found.experiment_id], f"tags.`{_PREFIX}job` = '{job}'")
            for run in runs:
                for version in self._client.search_model_versions(f"run_id = '{run.info.run_id}'"):
                    self._client.delete_model_version(version.name, version.version)
                if run.info.status == "RUNNING":
                    self._client.set_terminated(run.info.run_id, "KILLED" if cancelled else "FAILED")


def _version(found: Any, aliases: Mapping[str, int], moves: int) -> ModelVersion:
    tags = {key.removeprefix(_PREFIX): value for key, value in found.tags.items()}
    number = int(found.version)
    return ModelVersion(
        model=found.name,
        version=number,
        create_time=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        classifier=tags.get("classifier", ""),
        dataset=tags.get("dataset", ""),
        training_job=tags.get("training_job", ""),
        run_id=found.run_id or "",
        aliases=tuple(sorted(alias for alias, pointed in aliases.items() if pointed == number)),
        bundle_digest=found.tags.get(DIGEST_TAG, ""),
        threshold=float(tags.get("threshold", "nan")),
        metrics=json.loads(tags.get("metrics", "{}")),
        etag=etag_of(aliases, moves),
    )
