"""What every kernel does, and the one that serves where none was compiled."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared.kernels.layout import FlatTrees


class Kernel(Protocol):
    """Computes margins and contributions of one ensemble; any number of threads may call it at once."""

    @property
    def kernel_id(self) -> str:
        """Names the arithmetic: contributions are equal to the bit for equal ids."""
        ...

    @property
    def trees(self) -> FlatTrees:
        """The ensemble."""
        ...

    def margins_and_contributions(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return margins (n_rows,) and contributions (n_rows, n_features) of values (n_rows, n_features)."""
        ...


def find_numba() -> Callable[[FlatTrees], Kernel] | None:
    """Return what makes a kernel in numba; None where numba, an optional extra, is not installed."""
    if find_spec("numba") is None:
        return None
    from shared.kernels.numba_kernel import NumbaKernel

    return NumbaKernel
