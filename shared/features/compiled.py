"""Loops as machine code where numba is installed, as plain Python where it is not: the same bits, only slower."""

from collections.abc import Callable
from typing import Any, TypeVar

try:
    from numba import njit
except ImportError:  # an optional extra: what builds features for one applicant can do without

    def njit(function: Any, **_: Any) -> Any:  # type: ignore[no-redef]  # numba's own has more ways to be called
        """Return the function as it is."""
        return function


_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Return the function as machine code that holds no lock, so that threads run it side by side.

    Neither reordering nor fused multiply-add is allowed, so that its results are those of the Python it is written in.
    The code is kept beside the module (or in the user's cache folder, or where NUMBA_CACHE_DIR says) between processes.
    """
    made: _Function = njit(function, nogil=True, cache=True, fastmath=False, error_model="numpy")
    return made


def inlined(function: _Function) -> _Function:
    """Return the function for `compiled` ones of the same module to call, as if its lines stood in theirs.

    The compiler then keeps numbers in registers that it would otherwise hand over through memory.
    """
    made: _Function = njit(function, nogil=True, fastmath=False, error_model="numpy", forceinline=True)
    return made
