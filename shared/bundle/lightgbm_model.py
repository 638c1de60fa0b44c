"""Gradient boosted trees as LightGBM's own text."""

import logging
from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

import lightgbm
import numpy as np
from numpy.typing import NDArray

from shared.bundle.model import with_baseline
from shared.errors import Precondition
from shared.kernels.kernel import Kernel, find_numba
from shared.kernels.layout import FlatTrees, flatten
from shared.kernels.lightgbm_text import parse_trees
from shared.kernels.native import LIBRARY, NativeKernel
from shared.logs import log_event

FILE = "model.txt"
_TOLERANCE = 1e-9
_PROBES = 32
_LOGGER = logging.getLogger(__name__)


class LightGbmModel:
    """Trees out of a LightGBM text; NaN is a missing value and takes its own way.

    May be used by many threads. One row gives the same bits alone and in a batch: rows are independent and each sums
    its trees in order.
    """

    kind: ClassVar[str] = "lightgbm"
    explains: ClassVar[bool] = True

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

    @property
    def rounds(self) -> int:
        """How many trees it has."""
        return int(self._booster.num_trees())

    @property
    def kernel_id(self) -> str:
        """What computes contributions: the kernel, compiled or in numba, or LightGBM where neither is or fits."""
        return self._kernel.kernel_id if self._kernel else f"lightgbm-{lightgbm.__version__}"

    def margins(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds of rows, (n_rows, n_features) to (n_rows,)."""
        return self._predict(values, raw_score=True)

    def contributions(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each feature adds to the margin, (n_rows, n_features + 1); the last column is the baseline.

        Exact path-dependent Shapley values: Lundberg et al. (2020), "From local explanations to global understanding
        with explainable AI for trees".
        """
        if self._kernel is None:
            return self._predict(values, pred_contrib=True)
        return with_baseline(self.explain(values)[1], self._kernel.trees.baseline)

    def explain(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return margins and contributions, by one call of the kernel where it serves this model."""
        if self._kernel is None:
            return self.margins(values), self.contributions(values)[:, :-1]
        return self._kernel.margins_and_contributions(values)

    def files(self) -> Mapping[str, bytes]:
        """Return the contents of the files that keep the model, by name."""
        return {FILE: self._text.encode()}

    @cached_property
    def _kernel(self) -> Kernel | None:
        """The kernel; None where there is none, or it does not give LightGBM's own answers for this model."""
        library = LIBRARY.find()
        in_numba = find_numba() if library is None else None
        if library is None and in_numba is None:
            return None
        try:
            trees = flatten(parse_trees(self._text), self.n_features)
        except Precondition as unfit:
            log_event(_LOGGER, "kernel left out", why=unfit.message)
            return None
        kernel = NativeKernel(library, trees) if library else in_numba(trees) if in_numba else None
        if kernel and not self._agrees(kernel, _probes(trees)):
            _LOGGER.error("the kernel's answers are not LightGBM's; LightGBM serves")
            return None
        return kernel

    def _agrees(self, kernel: Kernel, rows: NDArray[np.float64]) -> bool:
        margins, contributions = kernel.margins_and_contributions(rows)
        expected = self._predict(rows, pred_contrib=True)
        close = np.allclose(contributions, expected[:, :-1], rtol=0.0, atol=_TOLERANCE)
        based = np.allclose(kernel.trees.baseline, expected[:, -1], rtol=0.0, atol=_TOLERANCE)
        return close and based and np.array_equal(margins, self.margins(rows))

    def _predict(self, values: NDArray[np.float64], **what: bool) -> NDArray[np.float64]:
        if not len(values):
            return np.empty((0, self.n_features + 1) if what.get("pred_contrib") else 0)
        rows = np.ascontiguousarray(values, dtype=np.float64)
        return np.asarray(self._booster.predict(rows, num_threads=1, **what), dtype=np.float64)


def _probes(trees: FlatTrees) -> NDArray[np.float64]:
    """Return rows (32, n_features) around the trees' own thresholds, an eighth of their values missing."""
    generator = np.random.default_rng(0)
    rows = np.zeros((_PROBES, trees.n_features))
    for row in rows:
        chosen = generator.permutation(trees.nodes)
        row[chosen["feature"]] = chosen["threshold"] + generator.choice([-0.5, 0.0, 0.5], size=len(chosen))
    rows[generator.random(rows.shape) < 1 / 8] = np.nan
    return rows
