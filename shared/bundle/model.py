"""What a model is to everyone but the trainer."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Model(Protocol):
    """Rows of numbers to margins and exact contributions; safe to use by many threads."""

    @property
    def kind(self) -> str:
        """The name of its codec in the allow-list, for example "lightgbm"."""
        ...

    @property
    def kernel_id(self) -> str:
        """What computes it; contributions are equal to the bit for equal kernel ids, for example "quadrature-2"."""
        ...

    @property
    def explains(self) -> bool:
        """Whether there are contributions; without, asking for them raises Precondition REASONS_NOT_EXACT."""
        ...

    @property
    def n_features(self) -> int:
        """The number of input columns."""
        ...

    def margins(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds of rows, (n_rows, n_features) to (n_rows,); a row has the same bits in any batch."""
        ...

    def contributions(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (n_rows, n_features + 1): what each feature adds, and last the baseline, the same in every row."""
        ...

    def explain(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return margins and what each feature adds, (n_rows, n_features), without the baseline; bits as one by one."""
        ...

    def files(self) -> Mapping[str, bytes]:
        """Return the contents of the files that keep the model, by name; nothing in them can run code."""
        ...


def with_baseline(contributions: NDArray[np.float64], baseline: float) -> NDArray[np.float64]:
    """Return (n_rows, n_features + 1): contributions, (n_rows, n_features), and last the baseline, in every row."""
    return np.hstack([contributions, np.full((len(contributions), 1), baseline)])
