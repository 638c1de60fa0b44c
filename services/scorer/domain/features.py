"""Named features to the row of values that the model reads: nothing is assumed, everything wrong is said at once."""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from services.scorer.domain.requests import Absence, FeatureValue
from shared.bundle.schema import Feature, FeatureSchema
from shared.errors import FieldViolation, InvalidInput

MAX_VIOLATIONS = 50
MAX_LEVELS_LISTED = 20
MAX_NAME_SHOWN = 200

_MISSING_NUMBER = math.nan


class Refused(Exception):
    """One value cannot be used; the text says why, after the feature's name."""


class FeatureResolver:
    """Turns named features into rows in the order of one schema.

    A categorical application column may be named in place of its one-hot features: its level sets them to 1 and 0, and
    a missing one sets them all to 0, as in training. Names of dropped columns are accepted and ignored.
    """

    def __init__(self, schema: FeatureSchema) -> None:
        self._features = schema.features
        self._positions = {feature.name: position for position, feature in enumerate(schema.features)}
        self._dropped = frozenset(schema.dropped)
        self._groups: dict[str, dict[str, int]] = defaultdict(dict)
        for position, feature in enumerate(schema.features):
            if feature.kind == "one_hot":
                self._groups[feature.group][feature.level] = position

    def resolve(self, given: Mapping[str, FeatureValue], *, field_prefix: str = "") -> NDArray[np.float64]:
        """Return the row of values, shape (n_features,), NaN where a value is missing; never infinite.

        Raises InvalidInput with up to 50 violations; a field path is `field_prefix` and `features["NAME"]`.
        """
        row = np.zeros(len(self._features))
        covered: set[int] = set()
        violations: list[tuple[str, str]] = []
        for name, value in given.items():
            try:
                covered.update(self._set(row, name, value, given))
            except Refused as refused:
                violations.append((name, str(refused)))
                covered.update(self._places(name))
        violations += self._absent(covered)
        if violations:
            raise InvalidInput(_field_violations(violations, field_prefix))
        return row

    def _set(
        self, row: NDArray[np.float64], name: str, value: FeatureValue, given: Mapping[str, FeatureValue]
    ) -> Iterable[int]:
        """Write what one name says into the row and return the positions that it covers."""
        refuse_unusable(value)
        position = self._positions.get(name)
        if position is not None:
            feature = self._features[position]
            if feature.kind == "one_hot" and feature.group in given:
                raise Refused(f"is set by {shown(feature.group)} already; give the column or its one-hots, not both")
            row[position] = number_of(feature, value)
            return (position,)
        if name in self._groups:
            return self._set_group(row, name, value)
        if name in self._dropped or (isinstance(value, str) and f"{name}_{value}" in self._dropped):
            return ()
        raise Refused("is not a feature of the served model; GetServingModel lists them")

    def _set_group(self, row: NDArray[np.float64], name: str, value: FeatureValue) -> Iterable[int]:
        levels = self._groups[name]
        if isinstance(value, float):
            raise Refused("is a categorical column; give its level as category, not a number")
        if isinstance(value, str):
            if value in levels:
                row[levels[value]] = 1.0
            elif f"{name}_{value}" not in self._dropped:
                raise Refused(f"has no such level; known levels are {listed(levels)}")
        return levels.values()

    def _places(self, name: str) -> Iterable[int]:
        if name in self._positions:
            return (self._positions[name],)
        return self._groups[name].values() if name in self._groups else ()

    def _absent(self, covered: set[int]) -> Iterator[tuple[str, str]]:
        if len(covered) == len(self._features):
            return
        for position, feature in enumerate(self._features):
            if position not in covered:
                other = f", or its column {shown(feature.group)}" if feature.kind == "one_hot" else ""
                yield feature.name, f"is not given; give its value{other}, or say that it is missing"


def field_path(name: str) -> str:
    """Return the path of a named feature as a client writes it, without a prefix."""
    return f"features[{shown(name)}]"


def refuse_unusable(value: FeatureValue) -> None:
    """Raise Refused for what no feature can have: nothing at all, or a number that is not finite."""
    if value is Absence.EMPTY:
        raise Refused("is empty; set number or category, or missing if the value is not known")
    if isinstance(value, float) and not math.isfinite(value):
        raise Refused("is not a finite number; a value that is not known is sent as missing")


def number_of(feature: Feature, value: FeatureValue) -> float:
    """Return a usable value as the feature's number, NaN if missing; raises Refused if the feature cannot have it."""
    if isinstance(value, float):
        if feature.kind == "one_hot" and value not in (0.0, 1.0):
            raise Refused("is a one-hot feature; its number is 0 or 1")
        if feature.kind == "binary" and value not in feature.codes.values():
            raise Refused(f"is coded; known levels are {listed(feature.codes)}")
        _refuse_outside(feature, value)
        return value + 0.0  # -0.0 becomes 0.0: they are equal, and so must be the record and the answer
    if not isinstance(value, str):
        return _MISSING_NUMBER
    if feature.kind != "binary":
        raise Refused("is a number; a category cannot be its value")
    if value not in feature.codes:
        raise Refused(f"has no such level; known levels are {listed(feature.codes)}")
    return feature.codes[value]


def _refuse_outside(feature: Feature, value: float) -> None:
    if feature.lower_bound is not None and value < feature.lower_bound:
        raise Refused(f"is below {feature.lower_bound:g}, the smallest value that its data set declares possible")
    if feature.upper_bound is not None and value > feature.upper_bound:
        raise Refused(f"is above {feature.upper_bound:g}, the largest value that its data set declares possible")


def _field_violations(violations: list[tuple[str, str]], field_prefix: str) -> list[FieldViolation]:
    found = [FieldViolation(field_prefix + field_path(name), why) for name, why in sorted(violations)]
    if len(found) <= MAX_VIOLATIONS:
        return found
    rest = len(found) - MAX_VIOLATIONS + 1
    return [*found[: MAX_VIOLATIONS - 1], FieldViolation(f"{field_prefix}features", f"{rest} more are wrong as well")]


def listed(levels: Iterable[str]) -> str:
    """Return the levels as they are told to a caller: sorted, quoted, the first of many."""
    known = sorted(levels)
    more = f" and {len(known) - MAX_LEVELS_LISTED} more" if len(known) > MAX_LEVELS_LISTED else ""
    return ", ".join(shown(level) for level in known[:MAX_LEVELS_LISTED]) + more


def shown(name: str) -> str:
    """Return a name as a message shows it: quoted, and cut where it is endless."""
    return json.dumps(name[:MAX_NAME_SHOWN], ensure_ascii=False)
