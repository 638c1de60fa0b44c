"""Trees of any library as numbers."""

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from shared.bundle.ensemble import Ensemble, ensemble_from_bytes
from shared.bundle.model import with_baseline
from shared.kernels.layout import MAX_POINTS, flatten
from shared.kernels.native import KERNEL_ID, LIBRARY, NativeKernel
from shared.kernels.plain import PlainKernel
from shared.kernels.trees import Tree

FILE = "trees.npz"


class TreeModel:
    """Margin = intercept + the sum of the leaves reached, in tree order; may be used by many threads.

    A row goes left where its value is at most a split's threshold. A missing value (NaN) goes the way that each split
    has for it if the ensemble takes missing values; else it makes the margin NaN. One row gives the same bits alone and
    in a batch.
    """

    kind: ClassVar[str] = "trees"
    # numpy computes the same bits where the kernel was not compiled.
    kernel_id: ClassVar[str] = KERNEL_ID
    explains: ClassVar[bool] = True

    def __init__(self, ensemble: Ensemble) -> None:
        self.ensemble = ensemble
        self.n_features = ensemble.n_features
        # The intercept stands before the trees as one more, so that all additions have one order.
        trees = (Tree((), (ensemble.intercept,), (1.0,)), *ensemble.trees)
        self._plain = PlainKernel(flatten(trees, self.n_features, max_points=max(MAX_POINTS, self.n_features)))

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "TreeModel":
        """Return the model that `files` gave; raises ValueError, KeyError or TypeError if they hold none."""
        return cls(ensemble_from_bytes(files[FILE]))

    @property
    def rounds(self) -> int:
        """How many trees it has."""
        return len(self.ensemble.trees)

    def margins(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds of rows, (n_rows, n_features) to (n_rows,)."""
        rows = self._rows(values)
        return np.where(self._unknown(rows), np.nan, self._plain.margins(rows))

    def contributions(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each feature adds to the margin, (n_rows, n_features + 1); the last column is the baseline.

        Exact path-dependent Shapley values (Lundberg et al., 2020), weighed by the training rows that each node has.
        """
        return with_baseline(self.explain(values)[1], self._plain.trees.baseline)

    def explain(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return margins and contributions."""
        rows = self._rows(values)
        unknown = self._unknown(rows)
        margins, contributions = self._kernel.margins_and_contributions(rows)
        margins[unknown], contributions[unknown] = np.nan, np.nan
        return margins, contributions

    def files(self) -> Mapping[str, bytes]:
        """Return the contents of the files that keep the model, by name."""
        return {FILE: self.ensemble.to_bytes()}

    @cached_property
    def _kernel(self) -> NativeKernel | PlainKernel:
        library, flat = LIBRARY.find(), self._plain.trees
        fits = int(flat.points.max(initial=0)) <= MAX_POINTS
        return NativeKernel(library, flat) if library is not None and fits else self._plain

    def _rows(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        if values.ndim != 2 or values.shape[1] != self.n_features:  # noqa: PLR2004  # rows and columns
            raise ValueError(f"rows must have {self.n_features} columns")
        return np.ascontiguousarray(values, dtype=np.float64)

    def _unknown(self, rows: NDArray[np.float64]) -> NDArray[np.bool_]:
        unknown = np.isnan(rows).any(axis=1) & (not self.ensemble.takes_missing_values)
        return np.asarray(unknown, dtype=np.bool_)
