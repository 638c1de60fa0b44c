"""What refusing at and above a threshold means: whom it refuses, who defaults all the same, and what that costs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.trainer.domain.scored import Scored
from services.trainer.domain.threshold import Costs, best_threshold, cost_at


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold with its cost per applicant and shares from 0 to 1.

    `bad_rate` is the share of defaults among the approved (0 where nobody is), `recall` that of defaults refused.
    """

    threshold: float
    cost: float
    approval_rate: float
    bad_rate: float
    recall: float


def operating_points(scored: Scored, thresholds: Sequence[float], costs: Costs) -> list[OperatingPoint]:
    """Return what each threshold means, in their order; applicants are sorted once for all of them."""
    order = np.argsort(scored.probabilities, kind="stable")
    targets = scored.targets[order].astype(np.float64)
    # A threshold's place is the number of applicants below it, who are approved.
    places = np.searchsorted(scored.probabilities[order], np.asarray(thresholds, dtype=np.float64), side="left")
    defaults = _sums_below(targets)
    missed = _sums_below(targets * scored.amounts[order])
    repaid = _sums_below((1.0 - targets) * scored.amounts[order])
    totals = costs.false_negative * missed + costs.false_positive * (repaid[-1] - repaid)
    rows = len(targets)
    return [
        OperatingPoint(
            threshold=float(threshold),
            cost=float(totals[place] / rows),
            approval_rate=float(place / rows),
            bad_rate=float(defaults[place] / place) if place else 0.0,
            recall=float(1.0 - defaults[place] / defaults[-1]) if defaults[-1] else 0.0,
        )
        for threshold, place in zip(thresholds, places, strict=True)
    ]


def best_point(scored: Scored, costs: Costs) -> OperatingPoint:
    """Return the threshold of all that costs least; see `best_threshold`."""
    threshold = best_threshold(scored.targets, scored.probabilities, costs, scored.amounts)
    return operating_points(scored, [threshold.value], costs)[0]


def decision_metrics(scored: Scored, threshold: float, costs: Costs) -> dict[str, float]:
    """Return the metrics, by name, of refusing if and only if probability >= threshold; both classes must occur.

    Precision and f1 are 0 where no default is refused. Costs are per applicant.
    """
    defaulted, refused = scored.targets == 1, scored.probabilities >= threshold
    defaults, refusals, hits = (int(np.count_nonzero(each)) for each in (defaulted, refused, defaulted & refused))
    rows = len(defaulted)
    repaid, approved = rows - defaults, rows - refusals
    misses = defaults - hits
    return {
        "business_cost": cost_at(scored.targets, scored.probabilities, threshold, costs, scored.amounts),
        "accuracy": (hits + approved - misses) / rows,
        "balanced_accuracy": (hits / defaults + (approved - misses) / repaid) / 2.0,
        "precision": hits / refusals if refusals else 0.0,
        "recall": hits / defaults,
        "f1": 2.0 * hits / (refusals + defaults),
        "approval_rate": approved / rows,
        "bad_rate": misses / approved if approved else 0.0,
    }


def _sums_below(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([[0.0], np.cumsum(values)])
