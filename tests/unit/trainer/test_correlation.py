"""Correlations agree with pandas, pair by pair, and decide from left to right."""

import time

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from services.trainer.domain.correlation import absolute_correlations, correlated_partners


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
