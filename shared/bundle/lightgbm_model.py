"""Gradient boosted trees as LightGBM's own text."""

from collections.abc import Mapping
from typing import ClassVar

import lightgbm
import numpy as np
from numpy.typing import NDArray

FILE = "model.txt"


class LightGbmModel:
    """Trees out of a LightGBM text; NaN is a missing value and takes its own way.

    May be used by many threads. One row gives the same bits alone and in a batch: rows are independent and each sums
    its trees in order.
    """

    kind: ClassVar[str] = "lightgbm"
    kernel_id: ClassVar[str] = f"lightgbm-{lightgbm.__version__}"

    def __init__(self, text: str) -> None:
        self._text = text
        try:
            self._booster = lightgbm.Booster(model_str=text)
        except lightgbm.basic.LightGBMError as error:
            raise ValueError(f"LightGBM does not read the model ({error})") from error
        self.n_features: int = self._booster.num_feature()
        # The first call for contributions fills in the depths of the trees, unguarded; afterwards all threads write
        # equal numbers (github.com/lightgbm-org/LightGBM/issues/6142), so no later call needs a lock.
        self._predict(np.zeros((1, self.n_features)), pred_contrib=True)

    @classmethod
    def from_text(cls, text: str) -> "LightGbmModel":
        """Return the model of a text whose digest was checked: LightGBM kills the process on a damaged one.

        Raises ValueError where LightGBM notices in time.
        """
        return cls(text)

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "LightGbmModel":
        """Return the model that `files` gave; the bytes must have been checked."""
        return cls(files[FILE].decode())

    def margins(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds of rows, (n_rows, n_features) to (n_rows,)."""
        return self._predict(values, raw_score=True)

    def contributions(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each feature adds to the margin, (n_rows, n_features + 1); the last column is the baseline.

        Exact path-dependent Shapley values: Lundberg et al. (2020), "From local explanations to global understanding
        with explainable AI for trees".
        """
        return self._predict(values, pred_contrib=True)

    def files(self) -> Mapping[str, bytes]:
        """Return the contents of the files that keep the model, by name."""
        return {FILE: self._text.encode()}

    def _predict(self, values: NDArray[np.float64], **what: bool) -> NDArray[np.float64]:
        if not len(values):
            return np.empty((0, self.n_features + 1) if what.get("pred_contrib") else 0)
        rows = np.ascontiguousarray(values, dtype=np.float64)
        return np.asarray(self._booster.predict(rows, num_threads=1, **what), dtype=np.float64)
