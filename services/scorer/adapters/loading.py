"""From the alias in the registry to what is served: fetched, verified, and complete before anyone sees it."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from services.scorer.adapters.applicants import open_applicants
from services.scorer.adapters.last_served import recall, remember
from services.scorer.domain.features import FeatureResolver, shown
from services.scorer.domain.raw_applications import RawResolver
from services.scorer.domain.serving import Applicants, MissingApplicants, Served
from shared.bundle.barring import barred_features
from shared.bundle.dataset import DatasetReference, StandIn
from shared.bundle.reading import Bundle, load_bundle
from shared.bundle.registry import RegisteredVersion
from shared.errors import CounterfoilError, NotFound, Precondition

_LOGGER = logging.getLogger("counterfoil.scorer.loading")


class Registry(Protocol):
    """Where registered versions, their bundles and their data sets' splits come from."""

    def resolve(self, model: str, version_or_alias: str) -> RegisteredVersion:
        """Return the version that the alias names. Raises NotFound, Precondition (NO_CHAMPION) or Unavailable."""
        ...

    def stand_in(self, model: str) -> StandIn | None:
        """Return the data set that stands in for that of the model's versions, if there is one."""
        ...

    def fetch_bundle(self, version: RegisteredVersion) -> Path:
        """Return the folder of the version's bundle."""
        ...

    def fetch_split(self, dataset: DatasetReference, split: str) -> Path:
        """Return the split's Parquet file, its digest checked."""
        ...


@dataclass(frozen=True)
class Loader:
    """Loads what the alias of a model names now.

    `cache` keeps the applicants' values between starts, and which version was loaded last. `prepare` is called before
    the registry is asked for the alias. A version that uses one of the `barred` raw columns is refused.
    """

    registry: Registry
    model: str
    alias: str
    cache: Path
    clock: Callable[[], datetime]
    prepare: Callable[[], None] = lambda: None
    barred: Sequence[str] = ()

    def load(self) -> Served:
        """Return the verified bundle with its applicants; without its splits it serves named features alone.

        Raises Precondition (NO_CHAMPION, BUNDLE_REJECTED, REASONS_NOT_EXACT, COLUMN_BARRED) or Unavailable
        (MLFLOW_UNAVAILABLE).
        """
        self.prepare()
        version, stand_in = self._champion(), self.registry.stand_in(self.model)
        served = self._verified(version, stand_in)
        remember(self._last_file, self.alias, version, stand_in)
        return served

    def named(self) -> str:
        """Return what `Served.named` is of the version that the alias names now; raises as `load` does."""
        self.prepare()
        return _named(self._champion(), self.registry.stand_in(self.model))

    def load_last(self) -> Served:
        """Return what the alias named when it was last loaded here, verified like any other; the alias is not asked.

        It comes from the registry's cache, so that a restart needs no MLflow. Raises Unavailable (NO_LAST_VERSION) if
        nothing was loaded yet, else as `load` does.
        """
        return self._verified(*recall(self._last_file, self.model, self.alias))

    @property
    def _last_file(self) -> Path:
        return self.cache / f"last-served-{self.alias}.json"

    def _verified(self, version: RegisteredVersion, stand_in: StandIn | None) -> Served:
        bundle = load_bundle(self.registry.fetch_bundle(version), digest=version.bundle_digest)
        if bundle.model_name != self.model:
            raise Precondition(
                f"version {version.version} of {self.model!r} holds a bundle of another model; promote another version",
                reason="BUNDLE_REJECTED",
            )
        if not bundle.model.explains:
            raise Precondition(
                f"version {version.version} of {self.model!r} gives no reasons that are exact in the features; promote "
                "another version",
                reason="REASONS_NOT_EXACT",
            )
        self._refuse_barred(bundle, version)
        raw = _raw_resolver(bundle)
        refreshed = stand_in is not None and stand_in.instead_of == bundle.dataset.id
        dataset = stand_in.dataset if stand_in is not None and refreshed else bundle.dataset
        return Served(
            bundle=bundle,
            version=str(version.version),
            resolver=FeatureResolver(bundle.schema),
            applicants=self._applicants(bundle, dataset, raw),
            load_time=self.clock(),
            raw=raw,
            alias=self.alias,
            named=_named(version, stand_in),
            stored=dataset,
        )

    def _refuse_barred(self, bundle: Bundle, version: RegisteredVersion) -> None:
        using = barred_features(bundle.schema.features, self.barred)
        if using:
            raise Precondition(
                f"version {version.version} of {self.model!r} has {len(using)} feature(s) made of a column that "
                f"COUNTERFOIL_BARRED_COLUMNS bars, such as {shown(using[0])}; promote one whose data set bars it",
                reason="COLUMN_BARRED",
                metadata={"feature": using[0]},
            )

    def _champion(self) -> RegisteredVersion:
        try:
            return self.registry.resolve(self.model, self.alias)
        except NotFound as error:
            # Without a model there is no champion either: the same remedy, and not the caller's mistake.
            raise Precondition(error.message, reason="NO_CHAMPION", metadata=error.metadata) from error

    def _applicants(self, bundle: Bundle, dataset: DatasetReference, raw: RawResolver | None) -> Applicants:
        history = raw.history_names if raw else ()
        try:
            splits = {name: self.registry.fetch_split(dataset, name) for name in dataset.splits}
            folder = self.cache / "applicants" / _matrix_key(dataset, bundle, history)
            return open_applicants(splits, bundle.schema.names, folder, history=history)
        except CounterfoilError as error:
            fields = {"reason": error.reason, "message": error.message}
            _LOGGER.warning("applicants are not at hand", extra={"fields": fields})
            return MissingApplicants(error.reason)


def _raw_resolver(bundle: Bundle) -> RawResolver | None:
    """Return what makes the bundle's features of raw applications; raises Precondition (BUNDLE_REJECTED)."""
    if bundle.raw_features is None:
        return None
    try:
        return RawResolver(bundle.schema, bundle.raw_features)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Precondition(
            f"the bundle of {bundle.model_name!r} does not say how to make all its features ({error}); train it anew",
            reason="BUNDLE_REJECTED",
        ) from error


def _named(version: RegisteredVersion, stand_in: StandIn | None) -> str:
    return f"{version.version} {stand_in.instead_of} {stand_in.dataset.digest}" if stand_in else str(version.version)


def _matrix_key(dataset: DatasetReference, bundle: Bundle, history: Sequence[str]) -> str:
    """Return a folder name for the data set's values under the bundle's columns and those of a history."""
    parts = [*(split.digest for split in dataset.splits.values()), *bundle.schema.names, *history]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
