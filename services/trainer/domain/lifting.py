"""Where a function that never falls crosses a bound, to the last bit."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_BITS = 64
_MAGNITUDE = np.int64(2**63 - 1)


def largest_at_most(
    transform: Callable[[NDArray[np.float64]], NDArray[np.float64]], bounds: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return for each bound the largest float64 that `transform`, which never falls, does not lift above it.

    -inf where every number is lifted above it, inf where none is. Found by halving the interval between the smallest
    and the largest number, so that no rounding is left to chance.
    """
    low, high = np.full(len(bounds), -np.inf), np.full(len(bounds), np.inf)
    below, above = _ordered(low), _ordered(high)
    with np.errstate(over="ignore"):
        for _ in range(_BITS):
            # Half of each, since their sum has no room in 64 bits.
            middle = (below >> 1) + (above >> 1) + (below & above & 1)
            fits = transform(_unordered(middle)) <= bounds
            below, above = np.where(fits, middle, below), np.where(fits, above, middle)
    return np.where(bounds == np.inf, np.inf, _unordered(below))


def _ordered(numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return integers in the order of the numbers, one step for each float64 between them."""
    bits = numbers.view(np.int64)
    return np.where(bits < 0, -(bits & _MAGNITUDE), bits)


def _unordered(integers: NDArray[np.int64]) -> NDArray[np.float64]:
    bits = np.where(integers < 0, np.abs(integers) | ~_MAGNITUDE, integers)
    return np.ascontiguousarray(bits).view(np.float64)
