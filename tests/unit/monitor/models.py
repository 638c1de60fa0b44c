"""Model versions that the monitor knows of without a registry."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from services.monitor.domain.model import ModelFacts
from shared.bundle.dataset import DatasetReference, SplitReference
from shared.bundle.profile import fit_profile
from shared.bundle.schema import Feature, FeatureSchema, Kind
from shared.errors import NotFound

MODEL_VERSION = "models/credit-default/versions/1"
BUNDLE_DIGEST = "b" * 64
# As odd as reference names get: a comma, a space, a colon.
FEATURES = ("AMT_CREDIT", "NAME_TYPE_SUITE_Spouse, partner", "ORGANIZATION_TYPE_Trade: type 1")


def model_facts(
    features: Sequence[str] = FEATURES, *, model_version: str = MODEL_VERSION, bundle_digest: str = BUNDLE_DIGEST
) -> ModelFacts:
    """Return the facts of a model whose first feature is an amount and weighs least; the others are one-hots."""
    schema = FeatureSchema(tuple(_feature(place, name) for place, name in enumerate(features)))
    values = np.random.default_rng(7).normal(size=(50, len(features)))
    contributions = np.tile(np.arange(1.0, len(features) + 2), (50, 1))
    profile = fit_profile(values, contributions, features)
    splits = {name: SplitReference(f"dataset/{name}.parquet", "0" * 64, 500) for name in ("train", "production")}
    return ModelFacts(
        model_version, bundle_digest, schema, profile, DatasetReference("ds-1", "d" * 64, "1", "r", splits)
    )


class KnownModels:
    """Finds the facts that it was given, and counts how often it was asked."""

    def __init__(self, *facts: ModelFacts) -> None:
        self.facts = {each.model_version: each for each in facts}
        self.promotions: dict[str, dt.datetime] = {}
        self.asked = 0

    def add(self, facts: ModelFacts, *, alias: str = "") -> None:
        """Know another model version, also by its alias."""
        self.facts[facts.model_version] = facts
        if alias:
            self.facts[facts.model_version.rsplit("/", 1)[0] + f"/{alias}"] = replace(facts)

    def find(self, model_version: str) -> ModelFacts:
        """Return the facts of the version; raises NotFound (MODEL_VERSION_NOT_FOUND)."""
        self.asked += 1
        if model_version not in self.facts:
            raise NotFound(f"there is no {model_version}", reason="MODEL_VERSION_NOT_FOUND")
        return self.facts[model_version]

    def promoted_at(self, model_version: str) -> dt.datetime | None:
        """Return what `promotions` says."""
        return self.promotions.get(model_version)


def _feature(place: int, name: str) -> Feature:
    source = f"application.{name.split('_', maxsplit=1)[0]}"
    kind: Kind = "one_hot" if place else "numeric"
    return Feature(name, kind, "application", (source,), reason_code=f"R{place}", reason_text=f"text of {name}")
