"""The features that a model reads, in its order, with all that a caller must know to supply them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

from shared.bundle.reasons import ReasonGroups
from shared.digests import digest_of

Kind = Literal["numeric", "binary", "one_hot"]

RESERVED_NAMES: Final = frozenset(
    {"applicant_id", "target", "prediction_id", "create_time", "day", "purpose", "probability", "margin", "decision"}
    | {"application_number", "as_of_date", "instance", "sequence", "_commit_version", "row of split"}
)
"""Names, in lower case, that no feature may have: those of other columns in tables that hold features."""


@dataclass(frozen=True)
class Feature:
    """One column of the model's input.

    `table` is the raw table it is made of and `sources` the raw columns it needs, each `table.COLUMN`. A one-hot
    feature stands for `level` of the raw column `group`; `codes` maps the levels of a binary to its numbers.
    `minimum`, `maximum` and `missing_share` (0 to 1) are those of the train split, None where it had no value.
    `fallback` replaces a missing value before the model; None means that the model itself sees it as missing.
    `lower_bound` and `upper_bound`, both included, are what the data set's source declares possible, None: anything.
    Features of one `principal_code` are one principal reason, whose text is `principal_text`, or if that is empty the
    heaviest feature's. Without a code the feature is a reason by itself.
    """

    name: str
    kind: Kind
    table: str
    sources: tuple[str, ...]
    group: str = ""
    level: str = ""
    codes: Mapping[str, float] = field(default_factory=dict, hash=False)
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    missing_share: float = 0.0
    fallback: float | None = None
    lower_bound: float | None = None
    upper_bound: float | None = None
    reason_code: str = ""
    reason_text: str = ""
    principal_code: str = ""
    principal_text: str = ""

    @property
    def reason(self) -> str:
        """The code of the principal reason that the feature counts to."""
        return self.principal_code or self.reason_code


@dataclass(frozen=True)
class FeatureSchema:
    """The model's features in the order of its input columns, and the names of the columns that cleaning dropped.

    Raises ValueError if two features have one name.
    """

    features: tuple[Feature, ...]
    dropped: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.features):
            raise ValueError("two features have one name")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def reason_groups(self) -> ReasonGroups | None:
        """The features by their reasons; None if each is one by itself."""
        if not any(feature.principal_code for feature in self.features):
            return None
        return ReasonGroups([feature.reason for feature in self.features])

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over what each position of a row means; figures and texts are no part of it."""
        meanings = [
            [each.name, each.kind, each.group, each.level, each.unit, sorted(each.codes.items())]
            for each in self.features
        ]
        return digest_of(json.dumps(meanings, separators=(",", ":")).encode())

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts and lists that `from_json` turns back into an equal schema."""
        return {"features": [asdict(feature) for feature in self.features], "dropped": list(self.dropped)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "FeatureSchema":
        """Return the schema that `to_json` wrote."""
        features = (Feature(**{**part, "sources": tuple(part["sources"])}) for part in document["features"])
        return cls(tuple(features), tuple(document["dropped"]))
