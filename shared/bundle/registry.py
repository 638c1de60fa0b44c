"""Bundles and splits in MLflow: registered, found again by version or alias, and fetched into a checked cache."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from shared.bundle.cache import FileCache
from shared.bundle.dataset import DatasetReference, StandIn
from shared.bundle.manifest import BundleRejected, open_sealed
from shared.errors import NotFound, Precondition
from shared.mlflow_store import one_at_a_time, reaching_mlflow

DIGEST_TAG = "counterfoil.bundle_digest"
PROMOTED_TAG = "counterfoil.promoted."
"""How the tags begin that say when and by whom an alias was pointed to a version; alias and number follow."""
APPLICANTS_TAG = "counterfoil.applicants"
"""The tag of a registered model that holds the data set whose applicants are scored, a StandIn as JSON."""
LOADER = "shared.bundle.pyfunc"
_LIBRARIES = ("lightgbm", "numpy", "scipy")
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of a registered model: the run that made it and the digest of the bundle that it must be."""

    model: str
    version: int
    run_id: str
    bundle_digest: str

    @property
    def name(self) -> str:
        """The resource name, models/{model}/versions/{n}."""
        return f"models/{self.model}/versions/{self.version}"


class ModelRegistry:
    """The registered models of one MLflow. `cache` is a folder of our own; threads and processes may share it.

    Opens nothing until it is used. Every method raises Unavailable MLFLOW_UNAVAILABLE where MLflow does not answer.
    """

    def __init__(self, uri: str, *, cache: Path) -> None:
        self._uri = uri
        self._cache = FileCache(cache)

    def resolve(self, model: str, version_or_alias: str) -> RegisteredVersion:
        """Return the version of that number or alias.

        Raises NotFound MODEL_NOT_FOUND or MODEL_VERSION_NOT_FOUND, Precondition NO_CHAMPION where no version has the
        alias, and BundleRejected for a version that counterfoil did not register.
        """
        with _or_not_found(_model_not_found(model)):
            aliases = self._client.get_registered_model(model).aliases
        if _NUMBER.fullmatch(version_or_alias):
            version = str(int(version_or_alias))
        elif version_or_alias in aliases:
            version = str(aliases[version_or_alias])
        else:
            raise _no_champion(model, version_or_alias)
        with _or_not_found(_version_not_found(model, version)):
            found = self._client.get_model_version(model, version)
        digest = found.tags.get(DIGEST_TAG, "")
        if not digest:
            raise BundleRejected(f"version {version} of {model} says nothing of its digest")
        return RegisteredVersion(model, int(found.version), found.run_id or "", digest)

    def promoted_at(self, model: str, version: str) -> datetime | None:
        """Return when an alias was last pointed to the version by the trainer, None if never; raises as `resolve`."""
        with _or_not_found(_version_not_found(model, version)):
            tags = self._client.get_model_version(model, version).tags
        moves = (json.loads(move) for name, move in tags.items() if name.startswith(PROMOTED_TAG))
        return max((datetime.fromisoformat(move["time"]) for move in moves), default=None)

    def stand_in(self, model: str) -> StandIn | None:
        """Return the data set that stands in for that of the model's versions, if there is one; raises NotFound."""
        with _or_not_found(_model_not_found(model)):
            written = self._client.get_registered_model(model).tags.get(APPLICANTS_TAG)
        return None if written is None else StandIn.from_json(json.loads(written))

    def fetch_bundle(self, version: RegisteredVersion) -> Path:
        """Return the folder of the version's bundle in the cache, its digests checked just now.

        Raises BundleRejected if MLflow holds other contents than were registered.
        """
        with _or_not_found(BundleRejected("its files are gone from MLflow")):
            return self._cache.bundle(version.bundle_digest, lambda folder: self._download_model(version, folder))

    def fetch_split(self, dataset: DatasetReference, split: str) -> Path:
        """Return the Parquet file of a split in the cache, its digest checked just now.

        Raises NotFound SPLIT_NOT_FOUND if the data set has no such split, Precondition SPLIT_REJECTED if MLflow holds
        other contents than the bundle names.
        """
        if split not in dataset.splits:
            known = ", ".join(dataset.splits)
            raise NotFound(f"data set {dataset.id} has no split {split!r}, only {known}", reason="SPLIT_NOT_FOUND")
        reference = dataset.splits[split]
        run_id, artifact = dataset.run_id, reference.artifact
        gone = Precondition(
            f"the {split} split of data set {dataset.id} is gone from MLflow; create the data set again",
            reason="SPLIT_REJECTED",
        )
        with _or_not_found(gone):
            # With a destination of our own: without one, MLflow hands out the store's files themselves.
            return self._cache.split(
                reference.digest,
                lambda folder: self._client.download_artifacts(run_id, artifact, dst_path=str(folder)),
            )

    def register_bundle(
        self, folder: Path, *, model: str, run_id: str, digest: str, tags: Mapping[str, str] | None = None
    ) -> int:
        """Log the bundle to the run as a model that needs no pickle, register it, and return the new version.

        The registered model is made if there is none yet; `tags` are those of the version. Needs the whole of MLflow,
        and makes this registry's MLflow the process's. Raises BundleRejected if the folder is not the bundle of
        `digest`.
        """
        open_sealed(folder, digest)
        with reaching_mlflow():
            self._create_model(model)
            logged = self._log(folder, run_id)
            version_tags = {**(tags or {}), DIGEST_TAG: digest}
            created = self._client.create_model_version(
                model, logged.model_uri, run_id=run_id, tags=version_tags, model_id=logged.model_id
            )
        return int(created.version)

    @cached_property
    def _client(self) -> Any:
        with reaching_mlflow(), one_at_a_time():
            from mlflow.client import MlflowClient

            return MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)

    def _create_model(self, model: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _log(self, folder: Path, run_id: str) -> Any:
        import mlflow.pyfunc
        from mlflow.models import Model

        mlflow.set_tracking_uri(self._uri)
        experiment = self._client.get_run(run_id).info.experiment_id
        # Made beforehand: MLflow's own would land in whatever experiment is active in this process.
        empty = self._client.create_logged_model(experiment, name="bundle", source_run_id=run_id)
        return Model.log(
            artifact_path=None,
            model_id=empty.model_id,
            flavor=mlflow.pyfunc,
            run_id=run_id,
            loader_module=LOADER,
            data_path=str(folder),
            # Without these MLflow would load the model to find out what it needs.
            pip_requirements=[f"{library}=={installed_version(library)}" for library in _LIBRARIES],
        )

    def _download_model(self, version: RegisteredVersion, folder: Path) -> None:
        from mlflow.artifacts import download_artifacts

        # MLflow looks a models:/ address up wherever the process is connected to, not in the MLflow it is told.
        found = self._client.get_model_version_download_uri(version.model, str(version.version))
        download_artifacts(f"{found}/data", dst_path=str(folder), tracking_uri=self._uri, registry_uri=self._uri)


@contextmanager
def _or_not_found(absent: NotFound | Precondition) -> Iterator[None]:
    """Raise `absent` where MLflow says that there is no such thing; anything else it raises is MLFLOW_UNAVAILABLE."""
    with reaching_mlflow():
        from mlflow.exceptions import MlflowException

        try:
            yield
        except MlflowException as error:
            # A name that MLflow would not accept is one that it does not have.
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND"):
                raise
            raise absent from error


def _model_not_found(model: str) -> NotFound:
    return NotFound(
        f"no model is registered as {model!r}; train one with `counterfoil train start` and let it serve with "
        f"`counterfoil model promote {model}/VERSION`",
        reason="MODEL_NOT_FOUND",
        metadata={"model": model},
    )


def _version_not_found(model: str, version: str) -> NotFound:
    return NotFound(
        f"{model} has no version {version}; `counterfoil model list {model}` shows those it has",
        reason="MODEL_VERSION_NOT_FOUND",
        metadata={"model": model, "version": version},
    )


def _no_champion(model: str, alias: str) -> Precondition:
    return Precondition(
        f"no version of {model} has the alias {alias!r}; choose one with `counterfoil model promote {model}/VERSION`",
        reason="NO_CHAMPION",
        metadata={"model": model, "alias": alias},
    )
