"""A column's figures agree with numpy and count every row once."""

from collections import Counter
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.trainer.domain.description import Numbers, Texts, describe_column

_FINITE = st.floats(-1e12, 1e12, allow_subnormal=False)


def _numbers(values: list[float | None], bins: int = 20) -> Numbers:
    described = describe_column(pl.Series(values, dtype=pl.Float64), bins=bins, levels=1)
    assert isinstance(described.content, Numbers)
    return described.content


@settings(deadline=None)
@given(st.lists(st.none() | _FINITE, min_size=1).filter(any), st.integers(1, 30))
def test_figures_of_a_numeric_column_are_numpys(values: list[float | None], bins: int) -> None:
    """Missing values are counted and have no part in any other figure."""
    present = np.array([value for value in values if value is not None])

    described = describe_column(pl.Series(values, dtype=pl.Float64), bins=bins, levels=1)

    numbers = described.content
    assert isinstance(numbers, Numbers)
    assert (described.rows, described.missing) == (len(values), values.count(None))
    assert described.missing_share == pytest.approx(values.count(None) / len(values))
    assert described.distinct == len({value + 0.0 for value in present})
    assert (numbers.minimum, numbers.maximum) == (present.min(), present.max())
    assert numbers.mean == pytest.approx(present.mean())
    assert numbers.deviation == (pytest.approx(present.std(ddof=1)) if len(present) > 1 else None)
    for share, value in numbers.quantiles:
        assert value == pytest.approx(np.quantile(present, share))


@settings(deadline=None)
@given(st.lists(_FINITE, min_size=1), st.integers(1, 30))
def test_every_value_is_in_one_bin(values: list[float], bins: int) -> None:
    """The bins reach from minimum to maximum and ascend."""
    numbers = _numbers(list(values), bins)

    assert sum(numbers.counts) == len(values)
    assert len(numbers.edges) == len(numbers.counts) + 1 <= bins + 1
    assert all(low <= high for low, high in pairwise(numbers.edges))
    assert (numbers.edges[0], numbers.edges[-1]) == (min(values), max(values))


def test_an_extreme_value_does_not_hide_the_others() -> None:
    """With bins of equal width from minimum to maximum all but one would be in the first."""
    numbers = _numbers([*np.linspace(0.0, 1.0, 1000).tolist(), 1e9], bins=10)

    assert max(numbers.counts) < 120
    assert numbers.edges[-1] == 1e9


def test_a_flag_has_two_bins() -> None:
    """More bins than values would be empty ones."""
    numbers = _numbers([0.0, 1.0, 1.0, 0.0, 1.0])

    assert (numbers.edges, numbers.counts) == ((0.0, 0.5, 1.0), (2, 3))


def test_a_value_that_is_nearly_constant_still_shows_its_few_others() -> None:
    """The 0.01 and 0.99 quantiles are then one number."""
    numbers = _numbers([*[5.0] * 1000, 9.0], bins=4)

    assert (numbers.edges, numbers.counts) == ((5.0, 7.0, 9.0), (1000, 1))


def test_a_constant_column_has_one_bin_of_no_width() -> None:
    """And a deviation of zero, which is not none."""
    numbers = _numbers([7.0, 7.0])

    assert (numbers.edges, numbers.counts, numbers.deviation) == ((7.0, 7.0), (2,), 0.0)


def test_infinite_values_are_counted_and_spoil_no_figure() -> None:
    """A mean of infinity tells nothing."""
    numbers = _numbers([1.0, float("inf"), 3.0, float("-inf")])

    assert (numbers.infinite, numbers.mean, sum(numbers.counts)) == (2, 2.0, 2)


@settings(deadline=None)
@given(st.lists(st.none() | st.sampled_from("abcdef")), st.integers(1, 4))
def test_levels_are_counted_as_a_counter_does(values: list[str | None], levels: int) -> None:
    """The most frequent ones apart, those of equal count by their text, the rest together."""
    described = describe_column(pl.Series(values, dtype=pl.String), bins=1, levels=levels)

    counts = sorted(
        Counter(value for value in values if value is not None).items(), key=lambda pair: (-pair[1], pair[0])
    )
    assert described.distinct == len(counts)
    if not counts:
        assert described.content is None
        return
    rest = counts[levels:]
    assert described.content == Texts(tuple(counts[:levels]), len(rest), sum(count for _, count in rest))


@pytest.mark.parametrize("kind", [pl.Float64, pl.String])
def test_a_column_without_values_has_shares_and_no_content(kind: type[pl.DataType]) -> None:
    """Also one of a table without rows, whose missing share is no division by zero."""
    described = [describe_column(pl.Series(values, dtype=kind), bins=1, levels=1) for values in ([None, None], [])]

    assert [(each.content, each.missing_share) for each in described] == [(None, 1.0), (None, 0.0)]
