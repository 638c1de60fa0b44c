"""How a model treats groups of applicants: by what the data set says of them, whether the model sees it or not."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from services.trainer.domain.evaluation import area_under_curve
from shared.bundle.schema import Feature

FOUR_FIFTHS: Final = 0.8
"""Below this ratio of approval rates the Uniform Guidelines (29 CFR 1607.4 D) see evidence of adverse impact."""
FEWEST_ROWS: Final = 30
# Words of a column's name that tell a group that law or custom protects, and the kind of contract.
_GROUPS: Final = re.compile(
    r"(^|_)(gender|sex|marital|married|family_status|education|contract_type|nationality|foreign|foreign_worker"
    r"|ethnicity|religion|disability)(_|$)",
    re.IGNORECASE,
)
_AGE_DAYS: Final = "DAYS_BIRTH"
_AGE_YEARS: Final = re.compile(r"age(_years)?", re.IGNORECASE)
_DAYS_A_YEAR: Final = 365.25
_BANDS: Final = (30, 40, 50, 60)
_MISSING: Final = "missing"


@dataclass(frozen=True)
class Rated:
    """The applicants of a split as the model decided on them: a row of `frame` each, uncleaned features."""

    frame: pl.DataFrame
    targets: NDArray[np.int8]
    probabilities: NDArray[np.float64]
    threshold: float


@dataclass(frozen=True)
class Slice:
    """One group: `auc` is None where it cannot be told, `bad_rate` (defaults among the approved) where nobody is."""

    group: str
    rows: int
    default_rate: float
    auc: float | None
    approval_rate: float
    bad_rate: float | None


@dataclass(frozen=True)
class Attribute:
    """The groups that one attribute makes. `seen` tells whether the model uses any column of it."""

    name: str
    seen: bool
    slices: tuple[Slice, ...]

    @property
    def impact_ratio(self) -> float | None:
        """Smallest approval rate over the largest, of groups with at least 30 applicants; None below two of them."""
        rates = [each.approval_rate for each in self.slices if each.rows >= FEWEST_ROWS and each.group != _MISSING]
        return min(rates) / max(rates) if len(rates) > 1 and max(rates) > 0.0 else None


def judged_split(scored: Collection[str]) -> str:
    """Return which of the scored splits had least part in the training."""
    return "test" if "test" in scored else "cv"


def repeated(frame: pl.DataFrame, rows: int) -> pl.DataFrame:
    """Return the train rows once for each repeat of the cross-validation, as out-of-fold outcomes are."""
    return pl.concat([frame] * (rows // frame.height))


def slice_applicants(rated: Rated, features: Sequence[Feature], kept: Sequence[str]) -> tuple[Attribute, ...]:
    """Return the attributes that tell of gender, age, family, contract and the like, in the data set's order.

    Categories come as one-hot or binary features, age in days before the application or in years. An applicant of whom
    an attribute is not known is in its group "missing".
    """
    found = []
    for name, members in _attributes(features):
        groups = _groups(members, rated.frame)
        slices = tuple(_slice(label, rows, rated) for label, rows in groups if rows.any())
        if len(slices) > 1:
            found.append(Attribute(name, any(member.name in kept for member in members), slices))
    return tuple(found)


def group_columns(features: Sequence[Feature]) -> list[str]:
    """Return the columns that `slice_applicants` looks at."""
    return [member.name for _, members in _attributes(features) for member in members]


def _attributes(features: Sequence[Feature]) -> Iterator[tuple[str, list[Feature]]]:
    """Yield the attributes that are looked at, each with its features."""
    members: dict[str, list[Feature]] = {}
    for feature in features:
        name = feature.group or feature.name
        categorical = feature.kind != "numeric" and _GROUPS.search(name)
        if categorical or name == _AGE_DAYS or _AGE_YEARS.fullmatch(name):
            members.setdefault(name, []).append(feature)
    yield from members.items()


def _groups(members: Sequence[Feature], frame: pl.DataFrame) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the groups of an attribute, with their rows."""
    values = {member: frame[member.name].cast(pl.Float64).fill_null(np.nan).to_numpy() for member in members}
    first = members[0]
    if first.kind == "one_hot":
        known = np.zeros(frame.height, dtype=np.bool_)
        for member, column in values.items():
            yield member.level, column == 1.0
            known |= column == 1.0
        yield _MISSING, ~known
    elif first.kind == "binary":
        for level, code in first.codes.items():
            yield level, values[first] == code
        yield _MISSING, np.isnan(values[first])
    else:
        yield from _bands(values[first] / -_DAYS_A_YEAR if first.name == _AGE_DAYS else values[first])


def _bands(years: NDArray[np.float64]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    low = -np.inf
    for high in (*_BANDS, np.inf):
        label = f"below {high}" if low < 0 else f"{low:.0f} and above" if np.isinf(high) else f"{low:.0f} to {high - 1}"
        yield label, (years >= low) & (years < high)
        low = high
    yield _MISSING, np.isnan(years)


def _slice(group: str, rows: NDArray[np.bool_], rated: Rated) -> Slice:
    targets, probabilities = rated.targets[rows], rated.probabilities[rows]
    approved = probabilities < rated.threshold
    # Of a handful of defaults the area says nothing.
    rankable = len(targets) >= FEWEST_ROWS and 0 < targets.sum() < len(targets)
    return Slice(
        group=group,
        rows=len(targets),
        default_rate=float(targets.mean()),
        auc=area_under_curve(targets, probabilities) if rankable else None,
        approval_rate=float(approved.mean()),
        bad_rate=float(targets[approved].mean()) if approved.any() else None,
    )
