"""Folds are drawn once for all who hold rows out, and a cost is honest only where no row chose its own threshold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.trainer.domain.folds import draw_folds, unseen_cost
from services.trainer.domain.plan import Resampling
from services.trainer.domain.threshold import Costs, best_cost, best_threshold

_TARGETS = (np.random.default_rng(2).random(90) < 0.3).astype(np.int8)
_ONES = np.ones(90)


@settings(max_examples=20, deadline=None)
@given(folds=st.integers(2, 9), repeats=st.integers(1, 3), seed=st.integers(0, 2**31 - 16))
def test_each_repeat_holds_every_row_out_once_and_learns_from_the_rest(folds: int, repeats: int, seed: int) -> None:
    """Whatever the seed; drawn again, they are the same."""
    splits = list(draw_folds(_TARGETS, Resampling(folds, repeats, seed)))
    again = list(draw_folds(_TARGETS, Resampling(folds, repeats, seed)))

    assert [split.repeat for split in splits] == [repeat for repeat in range(repeats) for _ in range(folds)]
    for repeat in range(repeats):
        assert sorted(np.concatenate([s.outside for s in splits if s.repeat == repeat])) == list(range(90))
    assert all(sorted([*split.inside, *split.outside]) == list(range(90)) for split in splits)
    assert all(np.array_equal(left.outside, right.outside) for left, right in zip(splits, again, strict=True))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_thresholds_of_other_folds_never_cost_less_than_the_best_of_all(seed: int) -> None:
    """The best threshold of all rows has seen each of them, so it is the hopeful one."""
    random = np.random.default_rng(seed)
    probabilities = random.uniform(0.01, 0.99, (2, 90))
    splits = list(draw_folds(_TARGETS, Resampling(3, 2, seed)))

    cost = unseen_cost(_TARGETS, probabilities, splits, costs=Costs(), amounts=_ONES)

    assert cost >= np.mean([best_cost(_TARGETS, scores, Costs()) for scores in probabilities]) - 1e-12


def test_each_fold_is_decided_by_the_others_threshold_in_its_own_money() -> None:
    """Added up by hand, with an amount for each applicant."""
    random = np.random.default_rng(4)
    costs, amounts = Costs(0.6, 0.1, "AMT_CREDIT", "AMT_CREDIT"), random.integers(1, 500, 90).astype(np.float64)
    scores = random.uniform(0.01, 0.99, 90)
    splits = list(draw_folds(_TARGETS, Resampling(3, 1, 5)))
    expected = 0.0
    for split in splits:
        inside = split.inside
        threshold = best_threshold(_TARGETS[inside], scores[inside], costs, amounts[inside]).value
        for row in split.outside:
            refused = scores[row] >= threshold
            missed, lost = _TARGETS[row] and not refused, not _TARGETS[row] and refused
            expected += amounts[row] * (0.6 * missed + 0.1 * lost)

    cost = unseen_cost(_TARGETS, scores.reshape(1, -1), splits, costs=costs, amounts=amounts)

    assert cost == pytest.approx(expected / 90)
