"""Why a margin is what it is: the features in the order of their weight."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PRINCIPAL_REASONS = 4
"""How many reasons a lender states at most; Regulation B's commentary (12 CFR 1002.9(b)(2)) calls more unhelpful."""


@dataclass(frozen=True)
class Reasons:
    """The non-zero contributions to a margin, heaviest first; features are positions in the schema.

    `principal` holds the features that raised the margin most, in rank order, four at most.
    """

    features: tuple[int, ...]
    contributions: tuple[float, ...]
    principal: tuple[int, ...]


def rank(contributions: NDArray[np.float64]) -> Reasons:
    """Return the reasons behind one row's contributions, shape (n_features,), in log-odds.

    They are ordered by falling absolute value, ties by position in the schema; exact zeros are left out.
    """
    order = np.argsort(-np.abs(contributions), kind="stable")
    ranked = contributions[order]
    weighty = int(np.count_nonzero(ranked))
    features, weights = order[:weighty], ranked[:weighty]
    principal = features[weights > 0][:PRINCIPAL_REASONS]
    return Reasons(tuple(features.tolist()), tuple(weights.tolist()), tuple(principal.tolist()))
