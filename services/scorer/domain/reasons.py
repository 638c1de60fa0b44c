"""Why a margin is what it is: the features in the order of their weight."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.bundle.reasons import ReasonGroups

PRINCIPAL_REASONS = 4
"""How many reasons a lender states at most; Regulation B's commentary (12 CFR 1002.9(b)(2)) calls more unhelpful."""


class Detail(StrEnum):
    """How much of the reasons is told: nothing, the principal ones, or every contribution."""

    NONE = "NONE"
    PRINCIPAL = "PRINCIPAL"
    ALL = "ALL"

    def is_less_than(self, other: "Detail") -> bool:
        """Return whether it tells less."""
        order = list(Detail)
        return order.index(self) < order.index(other)


@dataclass(frozen=True)
class Wish:
    """Which reasons a caller wants, and at most how many of them as principal ones."""

    detail: Detail = Detail.ALL
    principal: int = PRINCIPAL_REASONS


EVERYTHING = Wish()


class InProbability(NamedTuple):
    """What turns contributions in log-odds into those to the probability: `baseline` + `scale` x their sum is it."""

    baseline: float
    scale: float


class Reasons(NamedTuple):
    """The non-zero contributions to a margin that are told, heaviest first; features are positions in the schema.

    `principal` holds the features that raised the margin most, in rank order; of features that are one reason, together
    the heaviest, for all of them.
    """

    features: tuple[int, ...]
    contributions: tuple[float, ...]
    principal: tuple[int, ...]


_NOTHING = Reasons((), (), ())


def rank(contributions: NDArray[np.float64], wish: Wish = EVERYTHING, groups: ReasonGroups | None = None) -> Reasons:
    """Return the reasons behind one row's contributions, shape (n_features,), as `rank_all` does."""
    return rank_all(contributions[None], [wish], groups)[0]


def rank_all(
    contributions: NDArray[np.float64], wishes: Sequence[Wish], groups: ReasonGroups | None = None
) -> list[Reasons]:
    """Return the reasons behind each row's contributions, (n_rows, n_features) in log-odds, as far as they are wanted.

    They are ordered by falling absolute value, ties by position in the schema; exact zeros are left out. Features that
    are one reason by `groups` are ranked by the sum of their contributions, and told together as principal ones.
    """
    if groups is not None and any(wish.detail is not Detail.NONE for wish in wishes):
        return _rank_groups(contributions, wishes, groups)
    n_principal = max(wish.principal for wish in wishes)
    raising = np.argsort(-contributions, axis=1, kind="stable")[:, :n_principal]
    risen = np.take_along_axis(contributions, raising, axis=1)
    n_raising = np.count_nonzero(risen > 0.0, axis=1)
    found = zip(raising.tolist(), risen.tolist(), n_raising.tolist(), strict=True)
    principal = [
        (tuple(features[: min(wish.principal, n)]), tuple(weights[: min(wish.principal, n)]))
        for (features, weights, n), wish in zip(found, wishes, strict=True)
    ]
    whole = _whole(contributions) if any(wish.detail is Detail.ALL for wish in wishes) else principal
    return [_told(*each) for each in zip(wishes, principal, whole, strict=True)]


_Weighed = tuple[tuple[int, ...], tuple[float, ...]]
"""Features and their contributions."""


def _whole(contributions: NDArray[np.float64]) -> list[_Weighed]:
    orders = np.argsort(-np.abs(contributions), axis=1, kind="stable")
    ranked = np.take_along_axis(contributions, orders, axis=1)
    rows = zip(orders.tolist(), ranked.tolist(), np.count_nonzero(ranked, axis=1).tolist(), strict=True)
    return [(tuple(features[:n]), tuple(weights[:n])) for features, weights, n in rows]


def _told(wish: Wish, principal: _Weighed, whole: _Weighed) -> Reasons:
    if wish.detail is Detail.NONE:
        return _NOTHING
    features, weights = whole if wish.detail is Detail.ALL else principal
    return Reasons(features, weights, principal[0])


def _rank_groups(contributions: NDArray[np.float64], wishes: Sequence[Wish], groups: ReasonGroups) -> list[Reasons]:
    sums = groups.sums(contributions)
    ranked = np.argsort(-sums, axis=1, kind="stable")[:, : max(wish.principal for wish in wishes)]
    n_raising = np.count_nonzero(np.take_along_axis(sums, ranked, axis=1) > 0.0, axis=1)
    principal = [
        [groups.members[reason] for reason in reasons[: min(wish.principal, n)]]
        for reasons, n, wish in zip(ranked.tolist(), n_raising.tolist(), wishes, strict=True)
    ]
    whole = _whole(contributions) if any(wish.detail is Detail.ALL for wish in wishes) else [((), ())] * len(wishes)
    return [_told_groups(*each) for each in zip(wishes, contributions, principal, whole, strict=True)]


def _told_groups(
    wish: Wish, contributions: NDArray[np.float64], principal: Sequence[NDArray[np.intp]], whole: _Weighed
) -> Reasons:
    """Return one row's reasons; `principal` are the features of each principal one."""
    if wish.detail is Detail.NONE or not principal:
        return Reasons(*whole, ()) if wish.detail is Detail.ALL else _NOTHING
    heaviest = tuple(int(features[contributions[features].argmax()]) for features in principal)
    if wish.detail is Detail.ALL:
        return Reasons(*whole, heaviest)
    counting = np.sort(np.concatenate(principal))
    ((places, weights),) = _whole(contributions[counting][None])
    return Reasons(tuple(counting[list(places)].tolist()), weights, heaviest)
