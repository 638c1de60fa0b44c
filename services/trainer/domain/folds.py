"""Which rows are held out when: stratified folds, repeated, the same for every trial and for what is fitted after."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from services.trainer.domain.plan import Resampling
from services.trainer.domain.threshold import Costs, best_threshold, cost_at


@dataclass(frozen=True)
class Split:
    """The rows that one fold of a repeat learns from, and those that it holds out; both ascending."""

    repeat: int
    inside: NDArray[np.intp]
    outside: NDArray[np.intp]


def draw_folds(targets: NDArray[np.int8], resampling: Resampling) -> Iterator[Split]:
    """Yield every fold of every repeat; in each repeat every row is held out once."""
    for repeat in range(resampling.repeats):
        splitter = StratifiedKFold(resampling.folds, shuffle=True, random_state=resampling.seed + repeat)
        for inside, outside in splitter.split(np.zeros(len(targets)), targets):
            yield Split(repeat, inside, outside)


def unseen_cost(
    targets: NDArray[np.int8],
    probabilities: NDArray[np.float64],
    splits: Sequence[Split],
    *,
    costs: Costs,
    amounts: NDArray[np.float64],
) -> float:
    """Return the cost per applicant where each fold is decided by the best threshold of its repeat's other folds.

    `probabilities` are (repeats, n_rows), each from a model that had not seen its row. Unlike the cost at the best
    threshold of all rows, no applicant had a part in the threshold that decides about them.
    """
    total = 0.0
    for split in splits:
        inside, outside = split.inside, split.outside
        scores = probabilities[split.repeat]
        threshold = best_threshold(targets[inside], scores[inside], costs, amounts[inside]).value
        total += len(outside) * cost_at(targets[outside], scores[outside], threshold, costs, amounts[outside])
    return total / probabilities.size
