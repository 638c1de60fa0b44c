"""eta², chi² and Cramér's V agree with scipy and scikit-learn, and say nothing where nothing is to be said."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, pointbiserialr
from scipy.stats.contingency import association
from sklearn.feature_selection import f_classif

from services.trainer.domain.association import category_codes, chi_squared, contingency, cramers_v, eta_squared

_SEEDS = st.integers(0, 2**31)


def _codes(random: np.random.Generator, rows: int, levels: int) -> NDArray[np.intp]:
    return random.integers(0, levels, rows)


def _bergsma(counts: NDArray[np.int64]) -> float:
    """Return the bias-corrected V as the paper writes it, on scipy's chi²."""
    n, (r, k) = counts.sum(), counts.shape
    phi = max(0.0, chi2_contingency(counts, correction=False).statistic / n - (k - 1) * (r - 1) / (n - 1))
    rows, columns = r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)
    return min(1.0, float(np.sqrt(phi / (min(rows, columns) - 1))))


@settings(deadline=None, max_examples=50)
@given(_SEEDS, st.integers(20, 200))
def test_eta_squared_is_the_squared_point_biserial_correlation(seed: int, rows: int) -> None:
    """And stands in the known relation to the F statistic of an analysis of variance."""
    random = np.random.default_rng(seed)
    targets = np.arange(rows, dtype=np.int8) % 2
    values = random.normal(size=(rows, 3)) * 10.0 ** random.integers(-3, 9, 3) + targets[:, None] * random.normal(
        size=3
    )

    found = eta_squared(values, targets)

    expected = [pointbiserialr(targets, column).statistic ** 2 for column in values.T]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)
    statistics = f_classif(values, targets)[0]
    np.testing.assert_allclose(found, statistics / (statistics + rows - 2), rtol=1e-6, atol=1e-12)


def test_eta_squared_is_taken_over_the_rows_with_a_value() -> None:
    """Missing values neither weaken nor strengthen what the others say."""
    targets = np.array([0, 1, 0, 1, 0, 1], dtype=np.int8)
    column = np.array([1.0, 2.0, 1.5, 2.5, np.nan, np.nan])

    found = eta_squared(column[:, None], targets)

    assert found == pytest.approx(eta_squared(column[:4, None], targets[:4]))


@pytest.mark.parametrize("column", [[np.nan] * 4, [0.1] * 4, [np.nan, 7.0, np.nan, np.nan]])
def test_a_column_that_does_not_vary_explains_nothing(column: list[float]) -> None:
    """0 and not NaN, which would compare false with every bound."""
    assert eta_squared(np.array(column)[:, None], np.array([0, 1, 0, 1], dtype=np.int8)).tolist() == [0.0]


def test_a_copy_of_the_target_explains_everything() -> None:
    """The leak that the guard is there for."""
    targets = np.array([0, 1, 1, 0, 1], dtype=np.int8)

    assert eta_squared(targets.astype(np.float64)[:, None] * 3.0 - 1.0, targets) == pytest.approx([1.0])


@settings(deadline=None, max_examples=100)
@given(_SEEDS, st.integers(10, 400), st.integers(2, 8), st.integers(2, 8))
def test_chi_squared_and_cramers_v_are_those_of_scipy(seed: int, rows: int, lefts: int, rights: int) -> None:
    """The corrected V is the paper's on scipy's chi², whether the variables have to do with each other or not."""
    random = np.random.default_rng(seed)
    left = _codes(random, rows, lefts)
    right = np.where(random.random(rows) < random.random(), left, _codes(random, rows, rights))
    counts = contingency(left, right)
    if min(counts.shape) < 2:
        return

    assert chi_squared(counts) == pytest.approx(chi2_contingency(counts, correction=False).statistic)
    # Where nothing is left after the correction, the root makes 1e-8 of a rounding error of 1e-16.
    assert cramers_v(counts) == pytest.approx(_bergsma(counts), abs=1e-7)
    assert cramers_v(counts) == pytest.approx(cramers_v(counts.T), abs=1e-7)


def test_with_many_rows_the_correction_vanishes() -> None:
    """Then V is scipy's own."""
    random = np.random.default_rng(5)
    left = _codes(random, 200_000, 6)
    right = np.where(random.random(200_000) < 0.4, left, _codes(random, 200_000, 6))
    counts = contingency(left, right)

    assert cramers_v(counts) == pytest.approx(association(counts, method="cramer"), abs=1e-3)


def test_independent_variables_of_many_levels_have_no_association() -> None:
    """The uncorrected V of 60 levels in 300 rows is far above any sensible bound, the corrected one near zero."""
    random = np.random.default_rng(2)
    counts = contingency(_codes(random, 300, 60), _codes(random, 300, 8))

    assert association(counts, method="cramer") > 0.4
    assert cramers_v(counts) < 0.1


@pytest.mark.parametrize("counts", [[[3, 4]], [[3], [4]], [[5]], [[1]]])
def test_a_variable_of_one_level_goes_with_nothing(counts: list[list[int]]) -> None:
    """Neither a division by zero nor a warning."""
    assert cramers_v(np.array(counts)) == 0.0


def test_a_table_of_no_rows_says_nothing() -> None:
    """An empty fold is no error of the statistic."""
    counts = contingency(np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp))

    assert (counts.shape, chi_squared(counts), cramers_v(counts)) == ((0, 0), 0.0, 0.0)


@settings(deadline=None, max_examples=50)
@given(_SEEDS, st.integers(1, 60), st.integers(2, 5))
def test_one_hots_give_back_their_categories(seed: int, rows: int, levels: int) -> None:
    """Level 0 is the missing one: none of the columns is 1."""
    codes = _codes(np.random.default_rng(seed), rows, levels + 1)

    hot = np.eye(levels + 1)[codes][:, 1:]

    np.testing.assert_array_equal(category_codes(hot), codes)


def test_a_coded_column_has_a_category_for_each_value_and_one_for_missing() -> None:
    """As a binary column has, which is no one-hot."""
    assert category_codes(np.array([[1.0], [np.nan], [0.0], [np.nan], [1.0]])).tolist() == [1, 2, 0, 2, 1]


@settings(deadline=None, max_examples=50)
@given(_SEEDS, st.integers(1, 100))
def test_every_row_is_counted_once_and_no_level_is_empty(seed: int, rows: int) -> None:
    """Levels that no row has would divide by zero."""
    random = np.random.default_rng(seed)
    left, right = _codes(random, rows, 9), _codes(random, rows, 4)

    counts = contingency(left, right)

    assert counts.sum() == rows
    assert counts.sum(axis=0).all()
    assert counts.sum(axis=1).all()
    assert sorted(counts.sum(axis=0)) == sorted(np.unique(right, return_counts=True)[1])
