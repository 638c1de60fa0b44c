"""A linear model on standardised columns, as numbers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from shared.bundle.model import with_baseline

FILE = "model.json"
_COLUMNS = ("coefficients", "means", "scales")


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Margin = intercept + the sum over features of coefficient * (value - mean) / scale.

    `coefficients`, `means` and `scales` have shape (n_features,). A missing value (NaN) makes the margin NaN. Raises
    ValueError for other shapes, numbers that are not finite, or a scale that is not above 0.
    """

    kind: ClassVar[str] = "linear"
    kernel_id: ClassVar[str] = "linear-1"
    explains: ClassVar[bool] = True

    coefficients: NDArray[np.float64]
    intercept: float
    means: NDArray[np.float64]
    scales: NDArray[np.float64]

    def __post_init__(self) -> None:
        columns = [np.array(getattr(self, name), dtype=np.float64) for name in _COLUMNS]
        if len({column.shape for column in columns}) != 1 or columns[0].ndim != 1:
            raise ValueError("coefficients, means and scales must have one shape, (n_features,)")
        if not (np.all(np.isfinite(columns)) and np.isfinite(self.intercept) and np.all(columns[2] > 0.0)):
            raise ValueError("a linear model's numbers must be finite and its scales above 0")
        for name, column in zip(_COLUMNS, columns, strict=True):
            column.flags.writeable = False
            object.__setattr__(self, name, column)

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "LinearModel":
        """Return the model that `files` gave; raises ValueError, KeyError or TypeError if they hold none."""
        document = json.loads(files[FILE])
        columns = {name: np.array(document[name], dtype=np.float64) for name in _COLUMNS}
        return cls(intercept=float(document["intercept"]), **columns)

    @property
    def n_features(self) -> int:
        """The number of input columns."""
        return len(self.coefficients)

    def margins(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds of rows, (n_rows, n_features) to (n_rows,), summed from the intercept in column order."""
        terms = np.empty((len(values), self.n_features + 1))
        terms[:, 0] = self.intercept
        terms[:, 1:] = self._terms(values)
        # A running sum has one order of additions whatever the number of rows; np.sum may choose others.
        return np.ascontiguousarray(np.add.accumulate(terms, axis=1)[:, -1])

    def contributions(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each feature adds to the margin, (n_rows, n_features + 1); the last column is the intercept."""
        return with_baseline(self._terms(values), self.intercept)

    def explain(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return margins and contributions."""
        return self.margins(values), self._terms(values)

    def files(self) -> Mapping[str, bytes]:
        """Return the contents of the files that keep the model, by name; JSON keeps every bit of a float64."""
        columns = {name: getattr(self, name).tolist() for name in _COLUMNS}
        return {FILE: json.dumps({"intercept": float(self.intercept), **columns}, allow_nan=False).encode()}

    def _terms(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        if values.ndim != 2 or values.shape[1] != self.n_features:  # noqa: PLR2004  # rows and columns
            raise ValueError(f"rows must have {self.n_features} columns")
        terms: NDArray[np.float64] = self.coefficients * (values - self.means) / self.scales
        return terms
