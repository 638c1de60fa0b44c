"""What the monitor knows of a model version: its bundle's features, costs and figures, and its training data."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from shared.bundle.dataset import DatasetReference
from shared.bundle.profile import Profile
from shared.bundle.schema import FeatureSchema
from shared.errors import InvalidInput

_NAME = re.compile(r"models/([a-z][a-z0-9-]{0,62})/versions/([A-Za-z0-9_-]{1,64})")


@dataclass(frozen=True)
class ModelFacts:
    """The parts of a verified bundle that the monitor uses; `model_version` is models/{model}/versions/{n}.

    `costs` and `metrics` are those of the manifest: what wrong answers cost, and what training found, by name.
    """

    model_version: str
    bundle_digest: str
    schema: FeatureSchema
    profile: Profile
    dataset: DatasetReference
    costs: Mapping[str, float | str] = field(default_factory=dict, hash=False)
    metrics: Mapping[str, float] = field(default_factory=dict, hash=False)


class Models(Protocol):
    """Finds the facts of a registered model version."""

    def find(self, model_version: str) -> ModelFacts:
        """Return the facts of models/{model}/versions/{n or alias}.

        Raises NotFound (MODEL_VERSION_NOT_FOUND), Precondition if its bundle is refused, Unavailable if MLflow is down.
        """
        ...

    def promoted_at(self, model_version: str) -> dt.datetime | None:
        """Return when an alias was last pointed to models/{model}/versions/{n}; None: never, or nobody wrote it down.

        Raises NotFound and Unavailable as `find` does.
        """
        ...


def split_name(model_version: str, *, field: str) -> tuple[str, str]:
    """Return model and version (or alias) of models/{model}/versions/{n or alias}; raises InvalidInput for `field`."""
    match = _NAME.fullmatch(model_version)
    if match is None:
        raise InvalidInput.of(field, "is not of the form models/{model}/versions/{version}")
    return match[1], match[2]


def is_numbered(model_version: str) -> bool:
    """Return whether the name is one of a registered version, models/{model}/versions/{n}, and not of an alias."""
    match = _NAME.fullmatch(model_version)
    return match is not None and match[2].isdecimal()


def join_name(model: str, version: str) -> str:
    """Return models/{model}/versions/{version}."""
    return f"models/{model}/versions/{version}"
