"""Ranks of reasons: what must not matter does not, and what must does."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from services.scorer.domain.reasons import PRINCIPAL_REASONS, Detail, Wish, rank, rank_all
from shared.bundle.reasons import ReasonGroups

whole = st.integers(-4, 4).map(float)
rows = arrays.arrays(np.float64, st.integers(0, 12), elements=whole)
distinct = st.lists(st.integers(1, 99), unique=True, max_size=12).flatmap(
    lambda sizes: st.tuples(*(st.sampled_from([float(size), -float(size)]) for size in sizes)).map(np.array)
)


@given(rows)
def test_reasons_hold_the_whole_row(row: NDArray[np.float64]) -> None:
    """Put back into their places they are the contributions again: nothing is lost, doubled or rounded."""
    reasons = rank(row)

    rebuilt = np.zeros_like(row)
    rebuilt[list(reasons.features)] = reasons.contributions
    np.testing.assert_array_equal(rebuilt, row)
    assert set(reasons.principal) <= set(reasons.features)


@given(distinct, st.data())
def test_features_in_another_order_are_the_same_reasons(row: NDArray[np.float64], data: st.DataObject) -> None:
    """Without ties the rank depends on weights alone, not on where a feature stands."""
    order = data.draw(st.permutations(range(len(row))))

    straight, shuffled = rank(row), rank(row[list(order)])

    assert shuffled.contributions == straight.contributions
    assert tuple(order[place] for place in shuffled.principal) == straight.principal


@given(rows, st.sampled_from([0.25, 0.5, 2.0, 1024.0]))
def test_the_scale_of_the_margin_does_not_matter(row: NDArray[np.float64], scale: float) -> None:
    """Powers of two, so that not even rounding can."""
    reasons, scaled = rank(row), rank(row * scale)

    assert scaled.features == reasons.features
    assert scaled.principal == reasons.principal


@given(rows)
def test_what_raised_one_margin_lowers_its_mirror_image(row: NDArray[np.float64]) -> None:
    """The order is the same; no feature is a principal reason of both."""
    reasons, mirrored = rank(row), rank(-row)

    assert mirrored.features == reasons.features
    assert not set(mirrored.principal) & set(reasons.principal)
    assert len(reasons.principal) == min(PRINCIPAL_REASONS, int((row > 0).sum()))


@given(rows, st.integers(1, 5))
def test_features_without_weight_change_nothing(row: NDArray[np.float64], more: int) -> None:
    """Neither 0.0 nor -0.0 is a reason."""
    padded = np.concatenate([row, np.full(more, -0.0), np.zeros(more)])

    assert rank(padded) == rank(row)


@given(rows, st.integers(1, 20))
def test_principal_reasons_alone_are_the_first_of_all_that_raise_the_risk(row: NDArray[np.float64], most: int) -> None:
    """With their own contributions, as many as were asked for; nothing is told to who wants nothing."""
    everything = rank(row, Wish(Detail.ALL, most))
    principal = rank(row, Wish(Detail.PRINCIPAL, most))

    assert principal.features == principal.principal == everything.principal
    assert list(principal.contributions) == [row[place] for place in principal.features]
    assert len(principal.features) == min(most, int((row > 0).sum()))
    assert rank(row, Wish(Detail.NONE, most)) == rank(np.zeros(0))


grouped = st.lists(st.tuples(whole, st.sampled_from("ABCDE")), min_size=1, max_size=14).map(
    lambda pairs: (np.array([weight for weight, _ in pairs]), [code for _, code in pairs])
)


@given(grouped, st.integers(1, 6))
def test_features_that_say_the_same_are_one_reason_ranked_by_their_sum(
    drawn: tuple[NDArray[np.float64], list[str]], most: int
) -> None:
    """As a plain sum and sort would have it: ties by the first feature, only what raised the risk."""
    row, codes = drawn
    sums = {code: sum(row[place] for place, each in enumerate(codes) if each == code) for code in codes}
    expected = sorted((code for code, total in sums.items() if total > 0), key=lambda code: -sums[code])[:most]

    reasons = rank(row, Wish(Detail.ALL, most), ReasonGroups(codes))

    assert [codes[place] for place in reasons.principal] == expected
    for place in reasons.principal:
        members = [other for other, code in enumerate(codes) if code == codes[place]]
        assert place == max(members, key=lambda other: row[other])
    assert reasons[:2] == rank(row)[:2]


@given(grouped, st.integers(1, 6))
def test_principal_reasons_alone_are_told_with_all_that_counts_to_them(
    drawn: tuple[NDArray[np.float64], list[str]], most: int
) -> None:
    """Their sums can be worked out by whoever is told; what counts to another reason is left out."""
    row, codes = drawn

    reasons = rank(row, Wish(Detail.PRINCIPAL, most), ReasonGroups(codes))

    chosen = {codes[place] for place in reasons.principal}
    assert set(reasons.features) == {place for place, code in enumerate(codes) if code in chosen and row[place]}
    assert list(reasons.contributions) == [row[place] for place in reasons.features]


@given(rows, st.integers(1, 6))
def test_reasons_of_one_feature_each_are_the_features(row: NDArray[np.float64], most: int) -> None:
    """Bundles from before there were groups are replayed to the bit."""
    wish, groups = Wish(Detail.ALL, most), ReasonGroups([str(place) for place in range(len(row) + 1)])
    longer = np.append(row, 0.0)

    assert rank(longer, wish, groups) == rank(longer, wish)


def test_sums_have_the_same_bits_in_every_batch() -> None:
    """771 features in 40 reasons, 64 rows: each row alone is what it is among others, or a replay could differ."""
    generator = np.random.default_rng(5)
    contributions = generator.standard_normal((64, 771))
    groups = ReasonGroups([str(number) for number in generator.integers(0, 40, 771)])

    together = groups.sums(contributions)

    assert all(
        np.array_equal(groups.sums(row[None])[0], sums) for row, sums in zip(contributions, together, strict=True)
    )
    assert np.array_equal(groups.sums(np.asfortranarray(contributions)), together)
    wishes = [Wish()] * 64
    assert rank_all(contributions, wishes, groups) == [rank(row, groups=groups) for row in contributions]
