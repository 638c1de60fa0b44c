"""Correlations agree with pandas, pair by pair, and decide from left to right."""

import time

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from services.trainer.domain.correlation import (
    absolute_correlations,
    correlated_partners,
    pairwise_correlations,
    strongest_correlations,
)


def _gappy(rows: int, columns: int, seed: int) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    factors = random.normal(size=(rows, 4))
    values = factors @ random.normal(size=(4, columns)) + random.normal(size=(rows, columns))
    values *= 10.0 ** random.integers(-1, 9, columns)
    values += 10.0 ** random.integers(0, 6, columns)
    values[random.random((rows, columns)) < 0.3] = np.nan
    return values


def test_correlations_are_those_of_pandas_over_pairwise_complete_rows() -> None:
    """Also for columns of very different scales and with a third of their values missing."""
    values = _gappy(400, 20, seed=3)
    values[:, 5] = 4.0

    found = absolute_correlations(values)

    expected = pd.DataFrame(values).corr().abs().fillna(0.0).to_numpy()
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_signed_correlations_come_with_the_number_of_rows_they_stand_on() -> None:
    """Over three rows nearly everything correlates, so the number matters as much."""
    values = _gappy(200, 8, seed=4)

    found, common = pairwise_correlations(values)

    present = ~np.isnan(values)
    np.testing.assert_allclose(found, pd.DataFrame(values).corr().to_numpy(), atol=1e-7)
    assert common[2, 5] == (present[:, 2] & present[:, 5]).sum()


def test_the_strongest_pairs_come_first_whatever_their_sign() -> None:
    """Each pair once, the earlier column on the left."""
    values = _gappy(300, 6, seed=5)
    expected = pd.DataFrame(values).corr().to_numpy()

    found = strongest_correlations(values, most=99, least_rows=2)

    assert len({(pair.left, pair.right) for pair in found}) == len(found) == 15
    assert all(pair.left < pair.right for pair in found)
    assert [abs(pair.strength) for pair in found] == sorted((abs(pair.strength) for pair in found), reverse=True)
    assert all(abs(pair.strength - expected[pair.left, pair.right]) < 1e-7 for pair in found)
    assert strongest_correlations(values, most=4, least_rows=2) == found[:4]


def test_one_column_is_held_against_all_others_and_not_against_itself() -> None:
    """It stands on the left, wherever it is."""
    found = strongest_correlations(_gappy(300, 6, seed=6), most=99, least_rows=2, place=3)

    assert {pair.left for pair in found} == {3}
    assert sorted(pair.right for pair in found) == [0, 1, 2, 4, 5]


def test_pairs_with_too_few_common_rows_are_left_out() -> None:
    """Two columns that overlap in two rows correlate perfectly and mean nothing."""
    first = np.array([1.0, 2.0, 3.0, np.nan, np.nan])
    second = np.array([np.nan, 4.0, 9.0, 1.0, 2.0])
    values = np.column_stack([first, second])

    assert [pair.common_rows for pair in strongest_correlations(values, most=9, least_rows=2)] == [2]
    assert strongest_correlations(values, most=9, least_rows=3) == []


def test_of_a_pair_the_later_column_goes_and_a_dropped_one_drops_no_other() -> None:
    """The second goes for the first; the third resembles the second alone, which is gone, so it stays."""
    a = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    b = np.array([1.0, 2.0, 3.0, 4.0, 6.0, 4.0])
    c = np.array([1.0, 2.0, 2.0, 4.0, 7.0, 2.0])
    values = np.column_stack([a, b, c])
    strengths = np.abs(np.corrcoef(values.T))

    partners = correlated_partners(values, bound=0.82)

    assert strengths[1, 2] > 0.82 > strengths[0, 2]
    assert list(partners) == [1]
    assert partners[1][0] == 0


def test_the_strongest_kept_partner_is_named() -> None:
    """Of two earlier columns that break the bound the report shows the closer one."""
    random = np.random.default_rng(0)
    first = random.normal(size=200)
    second = first + random.normal(size=200)
    third = second + 0.1 * random.normal(size=200)

    partners = correlated_partners(np.column_stack([first, second, third]), bound=0.75)

    assert partners[2][0] == 1


def test_a_column_at_the_bound_is_kept() -> None:
    """An exact copy correlates with 1, which a bound of 1 tolerates."""
    column = np.arange(10.0)

    partners = correlated_partners(np.column_stack([column, column]), bound=1.0)

    assert partners == {}


def test_the_771_reference_columns_take_seconds() -> None:
    """All pairs at once by matrix products; a loop over 297,000 pairs would take minutes."""
    values = _gappy(4000, 771, seed=1)
    started = time.monotonic()

    strengths = absolute_correlations(values)

    assert strengths.shape == (771, 771)
    assert time.monotonic() - started < 30.0
