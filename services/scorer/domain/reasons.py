"""Why a margin is what it is: the features in the order of their weight."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

PRINCIPAL_REASONS = 4
"""How many reasons a lender states at most; Regulation B's commentary (12 CFR 1002.9(b)(2)) calls more unhelpful."""


class Detail(StrEnum):
    """How much of the reasons is told: nothing, the principal ones, or every contribution."""

    NONE = "NONE"
    PRINCIPAL = "PRINCIPAL"
    ALL = "ALL"


@dataclass(frozen=True)
class Wish:
    """Which reasons a caller wants, and at most how many of them as principal ones."""

    detail: Detail = Detail.ALL
    principal: int = PRINCIPAL_REASONS


EVERYTHING = Wish()


@dataclass(frozen=True)
class InProbability:
    """What turns contributions in log-odds into those to the probability: `baseline` + `scale` x their sum is it."""

    baseline: float
    scale: float


@dataclass(frozen=True)
class Reasons:
    """The non-zero contributions to a margin that are told, heaviest first; features are positions in the schema.

    `principal` holds the features that raised the margin most, in rank order.
    """

    features: tuple[int, ...]
    contributions: tuple[float, ...]
    principal: tuple[int, ...]


def rank(contributions: NDArray[np.float64], wish: Wish = EVERYTHING) -> Reasons:
    """Return the reasons behind one row's contributions, shape (n_features,), in log-odds, as far as they are wanted.

    They are ordered by falling absolute value, ties by position in the schema; exact zeros are left out.
    """
    if wish.detail is Detail.NONE:
        return Reasons((), (), ())
    order = np.argsort(-np.abs(contributions), kind="stable")
    ranked = contributions[order]
    weighty = int(np.count_nonzero(ranked))
    features, weights = order[:weighty], ranked[:weighty]
    raising = weights > 0
    principal = features[raising][: wish.principal]
    if wish.detail is Detail.PRINCIPAL:
        features, weights = principal, weights[raising][: wish.principal]
    return Reasons(tuple(features.tolist()), tuple(weights.tolist()), tuple(principal.tolist()))
