"""The decision threshold that costs least, found exactly: every cut between two candidate scores is tried."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Costs:
    """What wrong answers cost, above 0: approving an applicant who defaults, refusing one who would have paid.

    Where a column of the data set is named, the number is the factor of the applicant's value in it: 0.6 and AMT_CREDIT
    mean that a default loses 60 % of the credit. `amounts` below are these values, 1 where no column is named.
    """

    false_negative: float = 10.0
    false_positive: float = 1.0
    false_negative_column: str = ""
    false_positive_column: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are named, each once."""
        named = (self.false_negative_column, self.false_positive_column)
        return tuple(dict.fromkeys(name for name in named if name))

    def to_json(self) -> dict[str, float | str]:
        """Return the costs by name, without columns that are not named."""
        return {name: value for name, value in asdict(self).items() if value != ""}


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


def best_cost(
    targets: NDArray[np.int8],
    scores: NDArray[np.float64],
    costs: Costs,
    amounts: NDArray[np.float64] | None = None,
) -> float:
    """Return the smallest cost per applicant over every cut of the scores, whatever scale they are on.

    Equal scores are never cut apart. Refusing everyone and approving everyone are candidates as well. Here as below,
    `amounts` (n_rows,) is what each applicant's factor applies to; raises ValueError where it is left out although the
    costs name a column.
    """
    return float(_cuts(targets, scores, costs, amounts).totals.min() / len(targets))


def best_threshold(
    targets: NDArray[np.int8],
    probabilities: NDArray[np.float64],
    costs: Costs,
    amounts: NDArray[np.float64] | None = None,
) -> Threshold:
    """Return the threshold midway between the two candidate probabilities whose cut costs least.

    Probabilities lie inside (0, 1). Of equally cheap cuts the one that refuses fewest applicants is taken. Refusing if
    and only if probability >= threshold costs exactly what is returned, also between neighbouring floating-point
    numbers, where the midpoint would round to the lower one.
    """
    cuts = _cuts(targets, probabilities, costs, amounts)
    lower = np.concatenate([[0.0], cuts.scores])
    upper = np.concatenate([cuts.scores, [1.0]])
    middle = lower + (upper - lower) / 2.0
    values = np.where(middle > lower, middle, upper)
    inside = (values > 0.0) & (values < 1.0)
    totals = np.where(inside, cuts.totals, np.inf)
    cut = len(totals) - 1 - int(np.argmin(totals[::-1]))
    return Threshold(float(values[cut]), float(totals[cut] / len(targets)))


def cost_at(
    targets: NDArray[np.int8],
    probabilities: NDArray[np.float64],
    threshold: float,
    costs: Costs,
    amounts: NDArray[np.float64] | None = None,
) -> float:
    """Return the cost per applicant of refusing if and only if probability >= threshold."""
    stakes = at_stake(costs, amounts, len(targets))
    refused = probabilities >= threshold
    missed = float(stakes[(targets == 1) & ~refused].sum())
    lost = float(stakes[(targets == 0) & refused].sum())
    return (costs.false_negative * missed + costs.false_positive * lost) / len(targets)


def _cuts(
    targets: NDArray[np.int8], scores: NDArray[np.float64], costs: Costs, amounts: NDArray[np.float64] | None
) -> _Cuts:
    stakes = at_stake(costs, amounts, len(targets))
    distinct, place = np.unique(scores, return_inverse=True)
    # Amounts are summed apart from their factors: whole amounts, and mere counts, then add up without rounding.
    defaults = np.bincount(place, weights=np.where(targets == 1, stakes, 0.0), minlength=len(distinct))
    repaid = np.bincount(place, weights=np.where(targets == 1, 0.0, stakes), minlength=len(distinct))
    missed = np.concatenate([[0.0], np.cumsum(defaults)])
    lost_below = np.concatenate([[0.0], np.cumsum(repaid)])
    lost = lost_below[-1] - lost_below
    return _Cuts(distinct, costs.false_negative * missed + costs.false_positive * lost)


def at_stake(costs: Costs, amounts: NDArray[np.float64] | None, rows: int) -> NDArray[np.float64]:
    """Return the amounts, or 1 for each row where the costs are plain numbers; ValueError where they are needed."""
    if amounts is not None:
        return amounts
    if costs.columns:
        raise ValueError("these costs are taken from columns, so what is at stake with each applicant must be given")
    return np.ones(rows)
