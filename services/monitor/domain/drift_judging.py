"""From a sketch of a window to a verdict: a shift must be large, sure, and in a window that is large enough."""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from services.monitor.domain.divergence import (
    adjust,
    homogeneity_p,
    jensen_shannon,
    range_p,
    share_p,
    shares,
    stability_index,
    wasserstein,
)
from services.monitor.domain.drift_verdict import (
    ContributionDrift,
    DriftKind,
    DriftVerdict,
    FeatureDrift,
    ScoreDrift,
    WindowKind,
)
from services.monitor.domain.histograms import Counts, Floats, Sketch
from services.monitor.domain.reference import NO_CELL, WITHOUT_LEVEL, Reference

Mask = NDArray[np.bool_]

LARGEST_LISTED = 50


@dataclass(frozen=True)
class DriftLimits:
    """What counts as drift (ADR 19). All of it must hold: enough rows, a large shift, and a sure one.

    `psi` is the least population stability index, of values, margins and of being missing; `out_of_range_share` the
    least share of values beyond training's. A contribution must move by `contribution_ratio` of its mean in training
    and by `contribution_part` of all of them. `significance` is the false discovery rate over all features, small
    because the same stream is judged again and again.
    """

    minimum_rows: int = 100
    psi: float = 0.1
    out_of_range_share: float = 0.01
    contribution_ratio: float = 0.25
    contribution_part: float = 0.02
    significance: float = 0.001


def judge(
    reference: Reference, sketch: Sketch, limits: DriftLimits, *, window: WindowKind, start_time: dt.datetime | None
) -> DriftVerdict:
    """Return the verdict on a window whose first counted decision is not before `start_time`."""
    if sketch.rows < max(limits.minimum_rows, 1):
        return DriftVerdict(reference.model_version, window, sketch.rows, limits.minimum_rows, start_time)
    measured = Measured.of(reference, sketch)
    drifted = measured.drifted(limits)
    found = np.flatnonzero(drifted.any(axis=0))
    contributions = _contributions(reference, sketch, limits)
    return DriftVerdict(
        model_version=reference.model_version,
        window=window,
        rows=sketch.rows,
        minimum_rows=limits.minimum_rows,
        start_time=start_time,
        data_drifted=bool(len(found)),
        drifted_count=len(found),
        judged_count=len(reference.variables),
        features=measured.features(drifted),
        score=measured.score(limits),
        contributions_drifted=None if contributions is None else bool(contributions),
        contribution_rows=sketch.contribution_rows,
        contributions=contributions or (),
    )


@dataclass(frozen=True, eq=False)
class Measured:
    """A window's figures, an array (n_variables + 1,) each, the margin last; those of features alone without it.

    The p-values of the features are adjusted together, that of the margin is its own.
    """

    reference: Reference
    sketch: Sketch
    cells: Counts
    psi: Floats
    jensen_shannon: Floats
    wasserstein: Floats
    missing: Counts
    known: Counts
    missing_psi: Floats
    values_p: Floats
    missing_p: Floats
    range_p: Floats
    score_p: float

    @classmethod
    def of(cls, reference: Reference, sketch: Sketch) -> "Measured":
        """Return the figures of a sketch."""
        cells = reference.count(sketch)
        current, before = (shares(counts, reference.cells != NO_CELL) for counts in (cells, reference.counts))
        missing = _of_features(reference, sketch.counts[:, -1])
        known, known_before = sketch.rows - missing, reference.rows - _of_features(reference, reference.missing)
        values_p = homogeneity_p(cells, reference.counts)
        missing_p, missing_psi = _missing(reference, missing, sketch.rows)
        outside = _of_features(reference, sketch.out_of_range)
        p_values = np.concatenate([values_p[:-1], missing_p, range_p(outside, known, known_before)])
        adjusted = np.split(adjust(p_values), 3)
        return cls(
            reference=reference,
            sketch=sketch,
            cells=cells,
            psi=stability_index(current, before),
            jensen_shannon=jensen_shannon(current, before),
            wasserstein=wasserstein(current, before, reference.centres),
            missing=missing,
            known=known,
            missing_psi=missing_psi,
            values_p=adjusted[0],
            missing_p=adjusted[1],
            range_p=adjusted[2],
            score_p=float(values_p[-1]),
        )

    def drifted(self, limits: DriftLimits) -> Mask:
        """Return what drifted, (3, n_variables): values, being missing, range."""
        large = [
            self.psi[:-1] >= limits.psi,
            self.missing_psi >= limits.psi,
            self._outside / np.maximum(self.known, 1) >= limits.out_of_range_share,
        ]
        sure = [p <= limits.significance for p in (self.values_p, self.missing_p, self.range_p)]
        return np.array(large) & np.array(sure)

    def features(self, drifted: Mask) -> tuple[FeatureDrift, ...]:
        """Return the drifted variables and those with odd values, drifted and heaviest first, up to a bound."""
        told = drifted.any(axis=0) | (self._out_of_bounds > 0) | self._is_news
        order = np.lexsort((-self.reference.weights, ~drifted.any(axis=0)))
        return tuple(self._feature(place, drifted[:, place]) for place in order[told[order]][:LARGEST_LISTED])

    def score(self, limits: DriftLimits) -> ScoreDrift:
        """Return how the margins have moved."""
        return ScoreDrift(
            drifted=bool(self.psi[-1] >= limits.psi and self.score_p <= limits.significance),
            psi=float(self.psi[-1]),
            jensen_shannon=float(self.jensen_shannon[-1]),
            wasserstein=float(self.wasserstein[-1]),
            p=self.score_p,
        )

    @cached_property
    def _outside(self) -> Counts:
        return _of_features(self.reference, self.sketch.out_of_range)

    @cached_property
    def _out_of_bounds(self) -> Counts:
        return _of_features(self.reference, self.sketch.out_of_bounds)

    @cached_property
    def _unseen(self) -> Counts:
        return _unseen(self.reference, self.cells)

    @cached_property
    def _unseen_before(self) -> Counts:
        return _unseen(self.reference, self.reference.counts)

    @property
    def _is_news(self) -> Mask:
        """Return of which variables there are rows with none of the levels, where training had not one."""
        news: Mask = (self._unseen > 0) & (self._unseen_before == 0)
        return news

    def _feature(self, place: int, drifted: Mask) -> FeatureDrift:
        variable, reference, known = self.reference.variables[place], self.reference, max(int(self.known[place]), 1)
        missing_before = 0 if variable.is_categorical else int(reference.missing[variable.places[0]])
        return FeatureDrift(
            feature=variable.name,
            kinds=tuple(kind for kind, found in zip(DriftKind, drifted, strict=True) if found),
            weight=float(reference.weights[place]),
            psi=float(self.psi[place]),
            jensen_shannon=float(self.jensen_shannon[place]),
            wasserstein=None if variable.is_categorical else float(self.wasserstein[place]),
            values_p=float(self.values_p[place]),
            missing_p=float(self.missing_p[place]),
            range_p=float(self.range_p[place]),
            reference_missing_share=missing_before / max(reference.rows, 1),
            current_missing_share=int(self.missing[place]) / self.sketch.rows,
            out_of_bounds_share=int(self._out_of_bounds[place]) / known,
            out_of_range_share=int(self._outside[place]) / known,
            unseen_count=int(self._unseen[place]),
            reference_unseen_share=int(self._unseen_before[place]) / max(reference.rows, 1),
        )


def _of_features(reference: Reference, counts: Counts) -> Counts:
    """Return a sketch's counts (n_columns,) by variable, (n_variables,), 0 for categorical ones."""
    columns = reference.columns[:-1]
    return np.where(columns >= 0, counts[columns], 0)


def _unseen(reference: Reference, cells: Counts) -> Counts:
    """Return the rows with none of a variable's levels, (n_variables,); 0 if it is not categorical."""
    unseen: Counts = np.where(reference.cells == WITHOUT_LEVEL, cells, 0).sum(axis=1)[:-1]
    return unseen


def _missing(reference: Reference, missing: Counts, rows: int) -> tuple[Floats, Floats]:
    """Return p-value and population stability index of being missing, (n_variables,) each."""
    before = _of_features(reference, reference.missing)
    n, m = np.full_like(missing, rows), np.full_like(before, reference.rows)
    sides = [np.column_stack([share, total - share]) for share, total in ((missing, n), (before, m))]
    current, trained = (shares(side, np.ones_like(side, dtype=np.bool_)) for side in sides)
    return share_p(missing, n, before, m), stability_index(current, trained)


def _contributions(reference: Reference, sketch: Sketch, limits: DriftLimits) -> tuple[ContributionDrift, ...] | None:
    """Return the contributions that drifted, the largest change first; None if there are too few to say."""
    n, total = sketch.contribution_rows, float(reference.contribution_means.sum())
    if n < max(limits.minimum_rows, 1) or total <= 0:
        return None
    means = sketch.contribution_sums / n
    variances = np.maximum(sketch.contribution_squares / n - means**2, reference.contribution_deviations**2)
    change = np.abs(means - reference.contribution_means)
    errors = np.sqrt(variances * (1 / n + 1 / max(reference.rows, 1)))
    standardised = np.divide(change, errors, out=np.zeros_like(change), where=errors > 0)
    p_values = adjust(2 * ndtr(-standardised))
    least = np.maximum(limits.contribution_ratio * reference.contribution_means, limits.contribution_part * total)
    found = np.flatnonzero((change >= least) & (p_values <= limits.significance))
    return tuple(
        ContributionDrift(
            reference.names[place],
            float(reference.contribution_means[place]),
            float(means[place]),
            float(p_values[place]),
        )
        for place in found[np.argsort(-change[found], kind="stable")][:LARGEST_LISTED]
    )
