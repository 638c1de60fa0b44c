"""What the training data looked like, column by column: the reference that drift is measured against."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 10


@dataclass(frozen=True)
class FeatureProfile:
    """How the values of a column are spread.

    `edges` rise strictly; `counts` has one element more: values up to and including the first edge, then each up to
    the next, then those above the last. `missing_share` lies in 0 to 1; missing values are in no bin. `centres` are the
    middle values of the bins, empty in bundles that were made before there were any, and where no value is known.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing_share: float
    centres: tuple[float, ...] = ()

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "FeatureProfile":
        """Return the profile whose fields were written as JSON."""
        return cls(
            edges=tuple(document["edges"]),
            counts=tuple(document["counts"]),
            missing_share=document["missing_share"],
            centres=tuple(document.get("centres", ())),
        )


@dataclass(frozen=True)
class Profile:
    """The columns of the train split in the schema's order, what each weighs in the model, and the spread of margins.

    The margins are of rows that the model has not learnt from, where there were any.

    `mean_absolute_contributions` are log-odds, one a feature; `contribution_deviations` are the standard deviations of
    those absolute contributions, empty in bundles that were made before there were any.
    """

    features: tuple[FeatureProfile, ...]
    names: tuple[str, ...]
    mean_absolute_contributions: tuple[float, ...]
    margins: FeatureProfile
    contribution_deviations: tuple[float, ...] = ()

    def heaviest(self, n: int) -> tuple[str, ...]:
        """Return the names of up to `n` features, the largest mean absolute contribution first, ties in order."""
        places = np.argsort(-np.array(self.mean_absolute_contributions), kind="stable")[:n]
        return tuple(self.names[place] for place in places)

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts and lists that `from_json` turns back into an equal profile."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Profile":
        """Return the profile that `to_json` wrote."""
        return cls(
            features=tuple(FeatureProfile.from_json(feature) for feature in document["features"]),
            names=tuple(document["names"]),
            mean_absolute_contributions=tuple(document["mean_absolute_contributions"]),
            margins=FeatureProfile.from_json(document["margins"]),
            contribution_deviations=tuple(document.get("contribution_deviations", ())),
        )


def fit_profile(
    values: NDArray[np.float64],
    contributions: NDArray[np.float64],
    names: Sequence[str],
    *,
    unseen_margins: NDArray[np.float64] | None = None,
) -> Profile:
    """Return the profile of rows, (n_rows, n_features) with NaN where a value is missing.

    `contributions` are the model's own, (n_rows, n_features + 1) with the baseline last. `unseen_margins` are those of
    rows that the model has not learnt from, as those to come will be: trees give the rows they learnt from margins that
    lie further apart. Without any, those of the rows themselves stand in. Raises ValueError for other shapes or no
    rows.
    """
    rows, features = values.shape
    if not rows or contributions.shape != (rows, features + 1) or len(names) != features:
        raise ValueError("a profile needs rows, a name a column, and contributions with the baseline as last column")
    means, deviations = zip(*(_size(contributions[:, place]) for place in range(features)), strict=True)
    return Profile(
        features=tuple(profile_column(values[:, place]) for place in range(features)),
        names=tuple(names),
        mean_absolute_contributions=means,
        margins=profile_column(contributions.sum(axis=1) if unseen_margins is None else unseen_margins),
        contribution_deviations=deviations,
    )


def profile_column(column: NDArray[np.float64], bins: int = BINS) -> FeatureProfile:
    """Return how a column (n_rows,) is spread over up to `bins` bins that are about equally full.

    A column of at most `bins` different values has a bin for each.
    """
    known = np.sort(column[~np.isnan(column)])
    edges = _edges(known, bins)
    counts = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
    missing_share = 1.0 - len(known) / len(column) if len(column) else 0.0
    middles = np.cumsum(counts) - (counts + 1) // 2
    centres = tuple(known[middles].tolist()) if len(known) else ()
    return FeatureProfile(tuple(edges.tolist()), tuple(counts.tolist()), missing_share, centres)


def _size(contributions: NDArray[np.float64]) -> tuple[float, float]:
    """Return mean and standard deviation of one feature's absolute contributions (n_rows,).

    One feature at a time: a second matrix of all of them would be the largest thing in a training's memory.
    """
    sizes = np.abs(contributions)
    return float(sizes.mean()), float(sizes.std())


def _edges(known: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    different: NDArray[np.float64] = known[np.flatnonzero(np.diff(known, prepend=np.nan) != 0.0)]
    if len(different) <= bins:
        return different[:-1]
    quantiles = np.unique(known[np.arange(1, bins) * len(known) // bins - 1])
    inner: NDArray[np.float64] = quantiles[quantiles < known[-1]]
    return inner
