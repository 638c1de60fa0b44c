"""Slices of a window: by the values of a feature, or by a set that somebody has bound by conditions."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from services.monitor.domain.model import ModelFacts
from shared.bundle.schema import Feature
from shared.errors import InvalidInput

MISSING = "missing"
INSIDE, OUTSIDE = "inside", "outside"
MOST_SLICINGS = 20
MOST_EDGES = 50
MOST_CONDITIONS = 20

# Which slice each row belongs to, (n_rows,): its position among the labels.
Places: TypeAlias = NDArray[np.int16]


@dataclass(frozen=True)
class ByFeature:
    """Slice by a feature or, by its raw column's name, a categorical variable.

    `edges` cut a numeric one, rising: up to and including the first, then up to the next, then above the last; none
    are those of the training data's profile. `reference` is the slice that others are compared with, "" the largest.
    """

    feature: str
    edges: tuple[float, ...] = ()
    reference: str = ""


@dataclass(frozen=True)
class Condition:
    """Values of a feature: from `minimum` on (included) and below `maximum`, None is no bound; or any of `levels`."""

    feature: str
    minimum: float | None = None
    maximum: float | None = None
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class BySet:
    """Slice into those who meet all conditions and all others."""

    label: str
    conditions: tuple[Condition, ...]


Asked: TypeAlias = ByFeature | BySet


class Slicing(Protocol):
    """A way to divide rows: `labels` are the slices, `columns` what is read of a row to tell its own."""

    @property
    def name(self) -> str:
        """What it divides by."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """The slices."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The features that are read."""
        ...

    @property
    def reference(self) -> str:
        """The slice that others are compared with, "" the largest."""
        ...

    def places(self, rows: pl.DataFrame) -> Places:
        """Return each row's position in `labels`; a missing value is null."""
        ...


def settle_slicings(asked: Sequence[Asked], model: ModelFacts) -> list[Slicing]:
    """Return how to divide by what was asked for; raises InvalidInput for what the model does not know."""
    if len(asked) > MOST_SLICINGS:
        raise InvalidInput.of("slicings", f"are {len(asked)}; give at most {MOST_SLICINGS}")
    return [_settled(each, model, f"slicings[{place}]") for place, each in enumerate(asked)]


@dataclass(frozen=True)
class _ByEdges:
    """Cut a number at its edges; those without one come last."""

    name: str
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    edges: tuple[float, ...]
    reference: str = ""

    def places(self, rows: pl.DataFrame) -> Places:
        values = _numbers(rows, self.columns[0])
        found = np.searchsorted(self.edges, values, side="left")
        return np.where(np.isnan(values), len(self.edges) + 1, found).astype(np.int16)


@dataclass(frozen=True)
class _ByLevels:
    """Each level is a value of a column: 1 of a one-hot column of its own, or a code of the only one."""

    name: str
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    codes: tuple[float, ...]
    reference: str = ""

    def places(self, rows: pl.DataFrame) -> Places:
        places = np.full(rows.height, len(self.codes), dtype=np.int16)
        for place, code in enumerate(self.codes):
            column = self.columns[place] if len(self.columns) > 1 else self.columns[0]
            places[_numbers(rows, column) == code] = place
        return places


@dataclass(frozen=True)
class _ByConditions:
    """Ask each condition, a way to divide by one feature, whether a row's slice meets it."""

    name: str
    conditions: tuple[tuple[Slicing, NDArray[np.bool_]], ...]
    labels: tuple[str, ...] = (INSIDE, OUTSIDE)
    reference: str = OUTSIDE

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for slicing, _ in self.conditions for name in slicing.columns))

    def places(self, rows: pl.DataFrame) -> Places:
        met = np.ones(rows.height, dtype=np.bool_)
        for slicing, wanted in self.conditions:
            met &= wanted[slicing.places(rows)]
        return np.where(met, 0, 1).astype(np.int16)


def _settled(asked: Asked, model: ModelFacts, field: str) -> Slicing:
    if isinstance(asked, BySet):
        return _by_conditions(asked, model, field)
    slicing = _by_feature(asked, model, f"{field}.feature")
    if asked.reference and asked.reference not in slicing.labels:
        known = ", ".join(slicing.labels)
        raise InvalidInput.of(f"{field}.feature.reference", f"is none of the slices, which are {known}")
    return slicing


def _by_feature(asked: ByFeature, model: ModelFacts, field: str) -> Slicing:
    members = _members(asked.feature, model, f"{field}.name")
    if members[0].kind == "numeric":
        edges = asked.edges or model.profile.features[model.schema.names.index(members[0].name)].edges
        return _by_edges(asked, _checked_edges(edges, f"{field}.edges"))
    if asked.edges:
        raise InvalidInput.of(f"{field}.edges", "belong to numeric features; this one has levels")
    return _by_levels(asked.feature, members, asked.reference)


def _by_edges(asked: ByFeature, edges: tuple[float, ...]) -> Slicing:
    between = (f"{low:.6g} to {high:.6g}" for low, high in itertools.pairwise(edges))
    bounded = (f"up to {edges[0]:.6g}", *between, f"above {edges[-1]:.6g}") if edges else ("any",)
    return _ByEdges(asked.feature, (*bounded, MISSING), (asked.feature,), edges, asked.reference)


def _by_levels(name: str, members: Sequence[Feature], reference: str = "") -> Slicing:
    columns = tuple(member.name for member in members)
    if members[0].kind == "one_hot":
        codes = dict.fromkeys((member.level for member in members), 1.0)
    else:
        codes = dict(members[0].codes) or {"0": 0.0, "1": 1.0}
    return _ByLevels(name, (*codes, MISSING), columns, tuple(codes.values()), reference)


def _by_conditions(asked: BySet, model: ModelFacts, field: str) -> Slicing:
    if not 1 <= len(asked.conditions) <= MOST_CONDITIONS:
        raise InvalidInput.of(f"{field}.set.conditions", f"are {len(asked.conditions)}; give 1 to {MOST_CONDITIONS}")
    met = (
        _condition(condition, model, f"{field}.set.conditions[{place}]")
        for place, condition in enumerate(asked.conditions)
    )
    return _ByConditions(asked.label or "set", tuple(met))


def _condition(asked: Condition, model: ModelFacts, field: str) -> tuple[Slicing, NDArray[np.bool_]]:
    """Return how to divide by the condition's feature, and which of the slices meet it."""
    members = _members(asked.feature, model, f"{field}.feature")
    ranged = asked.minimum is not None or asked.maximum is not None
    if members[0].kind != "numeric" and ranged:
        raise InvalidInput.of(field, "has a range, but the feature has levels; name those")
    if not ranged and not asked.levels:
        raise InvalidInput.of(field, f"has neither a range nor levels; a level may be {MISSING!r}")
    if members[0].kind == "numeric":
        return _range(asked, field)
    slicing = _by_levels(asked.feature, members)
    return slicing, _wanted(asked.levels, slicing.labels, f"{field}.levels")


def _range(asked: Condition, field: str) -> tuple[Slicing, NDArray[np.bool_]]:
    low = -np.inf if asked.minimum is None else asked.minimum
    high = np.inf if asked.maximum is None else asked.maximum
    # Also where a bound is NaN.
    if not low < high:
        raise InvalidInput.of(field, "has a minimum that is not below its maximum")
    # The slices of edges include their upper end; a range includes its lower one.
    edges = (float(np.nextafter(low, -np.inf)), float(np.nextafter(high, -np.inf)))
    slicing = _ByEdges(asked.feature, ("below", INSIDE, "above", MISSING), (asked.feature,), edges)
    ranged = asked.minimum is not None or asked.maximum is not None
    return slicing, np.array([False, ranged, False, False]) | _wanted(asked.levels, slicing.labels, f"{field}.levels")


def _wanted(levels: Sequence[str], labels: Sequence[str], field: str) -> NDArray[np.bool_]:
    known = [label for label in labels if label not in {"below", INSIDE, "above"}]
    for place, level in enumerate(levels):
        if level not in known:
            raise InvalidInput.of(f"{field}[{place}]", f"is none of the feature's levels, which are {', '.join(known)}")
    return np.isin(labels, levels)


def _members(name: str, model: ModelFacts, field: str) -> list[Feature]:
    """Return the feature of a name, or the one-hot features of the categorical variable of that name."""
    members = [each for each in model.schema.features if each.name == name and each.kind != "one_hot"]
    members = members or [each for each in model.schema.features if each.group == name and name]
    if not members:
        dropped = name in model.schema.dropped
        said = "was dropped by cleaning, so the log has no values of it" if dropped else "is none of the model's"
        raise InvalidInput.of(field, f"{said}; name a feature, or a categorical variable by its raw column")
    return members


def _checked_edges(edges: Sequence[float], field: str) -> tuple[float, ...]:
    if len(edges) > MOST_EDGES:
        raise InvalidInput.of(field, f"are {len(edges)}; give at most {MOST_EDGES}")
    if not all(np.isfinite(edges)) or any(low >= high for low, high in itertools.pairwise(edges)):
        raise InvalidInput.of(field, "do not rise; give finite numbers, each above the one before")
    return tuple(edges)


def _numbers(rows: pl.DataFrame, column: str) -> NDArray[np.float64]:
    return rows[column].cast(pl.Float64).fill_null(np.nan).to_numpy()


def members_of(places: Places, labels: Sequence[str]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield each slice that has rows, with those rows."""
    for place, label in enumerate(labels):
        rows = places == place
        if rows.any():
            yield label, rows
