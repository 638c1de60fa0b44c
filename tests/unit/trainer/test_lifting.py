"""The largest number that a function does not lift above a bound, found to the last bit."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.trainer.domain.lifting import largest_at_most

_FINITE = st.floats(allow_nan=False, allow_infinity=False)

Transform = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@settings(deadline=None, max_examples=300)
@given(bound=_FINITE, mean=st.floats(-1e9, 1e9), scale=st.floats(1e-6, 1e9))
def test_no_number_beyond_the_largest_is_lifted_to_the_bound(bound: float, mean: float, scale: float) -> None:
    """The next one up always is, however standardising rounds."""

    def standardise(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return (values - mean) / scale

    largest = largest_at_most(standardise, np.array([bound]))

    with np.errstate(over="ignore"):
        beyond = np.nextafter(largest, math.inf)
        assert not np.isfinite(largest) or standardise(largest) <= bound
        assert np.isinf(beyond) or standardise(beyond) > bound


@settings(deadline=None, max_examples=300)
@given(bound=st.floats(-1e30, 1e30))
def test_numbers_are_parted_as_single_precision_parts_them(bound: float) -> None:
    """scikit-learn's trees compare after rounding to 32 bits."""
    largest = largest_at_most(lambda values: values.astype(np.float32).astype(np.float64), np.array([bound]))

    assert float(np.float32(largest[0])) <= bound
    assert float(np.float32(np.nextafter(largest[0], math.inf))) > bound


@pytest.mark.parametrize(
    ("transform", "bound", "largest"),
    [
        (lambda values: values, 1.5, 1.5),
        (lambda values: values, -0.0, 0.0),
        (lambda values: values, math.inf, math.inf),
        (np.zeros_like, 0.0, np.finfo(np.float64).max),
        (np.ones_like, 0.0, -math.inf),
    ],
)
def test_bounds_at_the_ends_are_found(transform: Transform, bound: float, largest: float) -> None:
    """Nothing is lifted above infinity, and a constant is above its bound everywhere or nowhere."""
    assert largest_at_most(transform, np.array([bound])).tolist() == [largest]
