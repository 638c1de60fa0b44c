"""What can be expected before outcomes are known: confidence-based performance estimation (CBPE).

A calibrated probability of 0.2 says that one of five such applicants defaults. Summed over a window, the probabilities
thus give the confusion matrix, the costs and the ranking that are to be expected of it: Bialek, Kivimäki, Kuberski and
Perrakis, "Estimating Model Performance Under Covariate Shift Without Labels" (2024, arXiv:2401.08348). They know
nothing of a world in which the same applicants default more often than they used to: concept drift stays unseen.
"""

from dataclasses import dataclass

import numpy as np

from services.monitor.domain.decided import Decided, Floats
from services.monitor.domain.performance import Estimate, Estimated
from services.monitor.domain.realised import confusion

# Two-sided, 95 % of a normal distribution.
_SPREADS = 1.959963984540054


def estimate(decided: Decided) -> Estimated:
    """Return what to expect of the decisions, at least one, by their probabilities alone: labels are not looked at."""
    chances = decided.probabilities
    cost, cost_rows = _cost(decided)
    return Estimated(
        rows=decided.rows,
        default_rate=_mean(chances, np.ones(decided.rows), chances),
        auc=expected_area(chances),
        bad_rate=_bad_rate(decided),
        confusion=confusion(decided, chances),
        cost=cost,
        cost_rows=cost_rows,
    )


def expected_area(chances: Floats) -> Estimate | None:
    """Return the area under the ROC curve to expect where applicants, ranked by their chances, default with these.

    The chances (n_rows,) lie inside (0, 1). It is the expected number of rightly ordered pairs of a default and a
    repaid loan over that of all such pairs; equal chances count half. The interval follows from how far one
    applicant's outcome moves the area, to the first order. None below two applicants, since no pair can be told.
    """
    if len(chances) < 2:  # noqa: PLR2004  a pair
        return None
    repaid = 1.0 - chances
    ranked = _Ranked.of(chances)
    # What one applicant gains in ordered pairs by defaulting; nobody makes a pair with oneself.
    below = ranked.below(repaid) - 0.5 * repaid
    above = ranked.above(chances) - 0.5 * chances
    pairs = chances.sum() * repaid.sum() - (chances * repaid).sum()
    area = float((chances * below).sum() / pairs)
    pairs_gained = (repaid.sum() - repaid) - (chances.sum() - chances)
    moves = (below - above - area * pairs_gained) / pairs
    return _estimate(area, float(np.sqrt((moves**2 * chances * repaid).sum())), upper=1.0)


@dataclass(frozen=True)
class _Ranked:
    """Applicants by distinct chance, rising: `place` is each one's (n_rows,), `count` how many places there are."""

    place: np.ndarray
    count: int

    @classmethod
    def of(cls, chances: Floats) -> "_Ranked":
        distinct, place = np.unique(chances, return_inverse=True)
        return cls(place, len(distinct))

    def below(self, weights: Floats) -> Floats:
        """Return, for each applicant, the weight of all with a smaller chance and half of that with an equal one."""
        at = np.bincount(self.place, weights=weights, minlength=self.count)
        sums: Floats = (np.cumsum(at) - 0.5 * at)[self.place]
        return sums

    def above(self, weights: Floats) -> Floats:
        """Return the weight of all with a larger chance and half of that with an equal one."""
        sums: Floats = weights.sum() - self.below(weights)
        return sums


def _bad_rate(decided: Decided) -> Estimate | None:
    approved = decided.probabilities[decided.approved]
    return _mean(approved, np.ones(len(approved)), approved) if len(approved) else None


def _cost(decided: Decided) -> tuple[Estimate | None, int]:
    expected = decided.costs_if(decided.probabilities)
    known = ~np.isnan(expected)
    if not known.any():
        return None, 0
    # By how much a default changes the cost of a decision: what is missed, or what is not lost after all.
    moves = np.where(decided.approved, decided.missed, -decided.lost)
    return _mean(expected[known], moves[known], decided.probabilities[known]), int(known.sum())


def _mean(expected: Floats, moves: Floats, chances: Floats) -> Estimate:
    """Return the mean of what is expected, where a default, which has a chance, moves it by so much."""
    spread = np.sqrt((moves**2 * chances * (1.0 - chances)).sum()) / len(expected)
    return _estimate(float(expected.mean()), float(spread))


def _estimate(value: float, spread: float, upper: float = np.inf) -> Estimate:
    return Estimate(value, max(0.0, value - _SPREADS * spread), min(upper, value + _SPREADS * spread))
