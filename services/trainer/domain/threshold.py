"""The decision threshold that costs least, found exactly: every cut between two candidate scores is tried."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Costs:
    """What wrong answers cost, above 0: approving an applicant who defaults, refusing one who would have paid."""

    false_negative: float = 10.0
    false_positive: float = 1.0


@dataclass(frozen=True)
class Threshold:
    """A threshold inside (0, 1) and the cost per applicant that refusing at and above it has on the candidates."""

    value: float
    cost: float


@dataclass(frozen=True)
class _Cuts:
    """Distinct scores, ascending, and the total cost of each cut: cut k refuses every score from `scores[k]` on."""

    scores: NDArray[np.float64]
    totals: NDArray[np.float64]


def best_cost(targets: NDArray[np.int8], scores: NDArray[np.float64], costs: Costs) -> float:
    """Return the smallest cost per applicant over every cut of the scores, whatever scale they are on.

    Equal scores are never cut apart. Refusing everyone and approving everyone are candidates as well.
    """
    return float(_cuts(targets, scores, costs).totals.min() / len(targets))


def best_threshold(targets: NDArray[np.int8], probabilities: NDArray[np.float64], costs: Costs) -> Threshold:
    """Return the threshold midway between the two candidate probabilities whose cut costs least.

    Probabilities lie inside (0, 1). Of equally cheap cuts the one that refuses fewest applicants is taken. Refusing if
    and only if probability >= threshold costs exactly what is returned, also between neighbouring floating-point
    numbers, where the midpoint would round to the lower one.
    """
    cuts = _cuts(targets, probabilities, costs)
    lower = np.concatenate([[0.0], cuts.scores])
    upper = np.concatenate([cuts.scores, [1.0]])
    middle = lower + (upper - lower) / 2.0
    values = np.where(middle > lower, middle, upper)
    inside = (values > 0.0) & (values < 1.0)
    totals = np.where(inside, cuts.totals, np.inf)
    cut = len(totals) - 1 - int(np.argmin(totals[::-1]))
    return Threshold(float(values[cut]), float(totals[cut] / len(targets)))


def cost_at(targets: NDArray[np.int8], probabilities: NDArray[np.float64], threshold: float, costs: Costs) -> float:
    """Return the cost per applicant of refusing if and only if probability >= threshold."""
    refused = probabilities >= threshold
    missed = int(((targets == 1) & ~refused).sum())
    lost = int(((targets == 0) & refused).sum())
    return (costs.false_negative * missed + costs.false_positive * lost) / len(targets)


def _cuts(targets: NDArray[np.int8], scores: NDArray[np.float64], costs: Costs) -> _Cuts:
    distinct, place = np.unique(scores, return_inverse=True)
    applicants = np.bincount(place, minlength=len(distinct))
    defaults = np.bincount(place, weights=targets, minlength=len(distinct))
    missed = np.concatenate([[0.0], np.cumsum(defaults)])
    lost_below = np.concatenate([[0.0], np.cumsum(applicants - defaults)])
    lost = lost_below[-1] - lost_below
    return _Cuts(distinct, costs.false_negative * missed + costs.false_positive * lost)
