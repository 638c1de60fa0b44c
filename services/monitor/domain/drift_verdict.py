"""What the fast path says of a window of decisions: plain values that others may hold, compare and act on."""

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property


class WindowKind(StrEnum):
    """Which decisions of a model version a window holds."""

    LAST_COUNT = "LAST_COUNT"
    LAST_HOURS = "LAST_HOURS"
    LAST_DAYS = "LAST_DAYS"
    SINCE_PROMOTION = "SINCE_PROMOTION"


class DriftKind(StrEnum):
    """What of a feature has drifted away from the training data."""

    VALUES = "VALUES"
    MISSING = "MISSING"
    RANGE = "RANGE"


@dataclass(frozen=True)
class FeatureDrift:
    """One feature, or one categorical variable with all its one-hot features, in a window beside the training data.

    `kinds` names what drifted, nothing if it is told for values out of bounds or unseen levels alone. `weight` is the
    feature's part of all mean absolute contributions in training. `psi` (population
    stability index), `jensen_shannon` (distance, 0 to 1) and `wasserstein` (in standard deviations of the training
    data, None for a categorical variable) compare the known values. The p-values are those of the tests on values,
    missing shares and range, adjusted over all features. All shares lie in 0 to 1. `unseen_count` counts decisions with
    none of the levels that training knew, of which training had the share `reference_unseen_share`.
    """

    feature: str
    kinds: tuple[DriftKind, ...]
    weight: float
    psi: float
    jensen_shannon: float
    wasserstein: float | None
    values_p: float
    missing_p: float
    range_p: float
    reference_missing_share: float
    current_missing_share: float
    out_of_bounds_share: float
    out_of_range_share: float
    unseen_count: int = 0
    reference_unseen_share: float = 0.0


@dataclass(frozen=True)
class ScoreDrift:
    """The margins (log-odds) of a window beside those of the training data; `p` is that of one test."""

    drifted: bool
    psi: float
    jensen_shannon: float
    wasserstein: float
    p: float


@dataclass(frozen=True)
class ContributionDrift:
    """What a feature weighs: its mean absolute contribution in log-odds, in training and in the window.

    `p` is adjusted over all features.
    """

    feature: str
    reference_mean: float
    current_mean: float
    p: float


@dataclass(frozen=True)
class DriftVerdict:
    """What a window of a model version's decisions looks like beside its training data.

    `rows` decisions since `start_time` (None: there are none) count. Below `minimum_rows` nothing is judged: the
    verdicts are None. Contributions count from fewer rows and have a verdict of their own. `features` holds the
    drifted ones first, the heaviest in the model first, up to a bound, of `drifted_count` in all and `judged_count`
    that were tested; `contributions` those that drifted.
    """

    model_version: str
    window: WindowKind
    rows: int
    minimum_rows: int
    start_time: dt.datetime | None = None
    data_drifted: bool | None = None
    drifted_count: int = 0
    judged_count: int = 0
    features: tuple[FeatureDrift, ...] = ()
    score: ScoreDrift | None = None
    contributions_drifted: bool | None = None
    contribution_rows: int = 0
    contributions: tuple[ContributionDrift, ...] = ()

    @property
    def finding(self) -> "Finding":
        """Return what a person would call the verdict: it stays the same while only figures move."""
        drifted = tuple(sorted(found.feature for found in self.features if found.kinds))
        score = None if self.score is None else self.score.drifted
        return Finding(self.data_drifted, drifted, score, self.contributions_drifted)

    @cached_property
    def digest(self) -> str:
        """Return 64 hexadecimal digits that change whenever any figure does."""
        return hashlib.sha256("".join(self._parts()).encode()).hexdigest()

    def _parts(self) -> Iterator[str]:
        # Of the fields and not of the object, whose dictionary holds this very digest once it is known.
        for name in self.__dataclass_fields__:
            yield f"{name}={getattr(self, name)!r};"


@dataclass(frozen=True)
class Finding:
    """A verdict without its figures; None where nothing could be judged."""

    data_drifted: bool | None
    features: tuple[str, ...]
    score_drifted: bool | None
    contributions_drifted: bool | None
