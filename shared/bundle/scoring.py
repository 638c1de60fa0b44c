"""Rows of inputs to margins, probabilities and contributions: the one path, for golden rows and for applicants."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from shared.bundle.calibration import Calibrator
from shared.bundle.model import Model
from shared.bundle.schema import FeatureSchema

_CLOSE = 1e-10
"""Distance from the baseline, in log-odds, within which the quotient of two differences would be mostly rounding."""


@dataclass(frozen=True)
class Scores:
    """What a bundle says about rows.

    `margins` and `probabilities` have shape (n_rows,), `contributions` and `imputed` (n_rows, n_features); `baseline`
    plus a row's contributions is its margin. `imputed` marks the values that a fallback stood in for.
    """

    margins: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    contributions: NDArray[np.float64]
    baseline: float
    imputed: NDArray[np.bool_]


@dataclass(frozen=True)
class Scoring:
    """A model with what stands before it (fallbacks) and behind it (calibrator); raises ValueError if they do not fit.

    A row has the same bits alone and in any batch.
    """

    model: Model
    calibrator: Calibrator
    fallbacks: NDArray[np.float64]
    baseline: float

    @classmethod
    def of(cls, schema: FeatureSchema, model: Model, calibrator: Calibrator) -> "Scoring":
        """Return the scoring of a model whose columns are the schema's."""
        if model.n_features != len(schema.features):
            raise ValueError(f"the schema has {len(schema.features)} features, the model {model.n_features}")
        fallbacks = np.array([np.nan if one.fallback is None else one.fallback for one in schema.features])
        zeros = np.zeros((1, len(fallbacks)))
        baseline = float(model.contributions(zeros)[0, -1]) if model.explains else math.nan
        return cls(model, calibrator, fallbacks, baseline)

    def score(self, values: NDArray[np.float64]) -> Scores:
        """Return the scores of uncleaned rows, (n_rows, n_features), NaN where a value is missing.

        `values` is left as it is. Raises ValueError for another shape, and Precondition REASONS_NOT_EXACT where the
        model has no contributions.
        """
        filled, imputed = self._filled(values)
        margins, contributions = self.model.explain(filled)
        probabilities = self.calibrator.probabilities(margins)
        return Scores(margins, probabilities, np.ascontiguousarray(contributions), self.baseline, imputed)

    def predict(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return margins and probabilities of uncleaned rows, the bits of `score`, whether there are reasons or not."""
        margins = self.model.margins(self._filled(values)[0])
        return margins, self.calibrator.probabilities(margins)

    @cached_property
    def baseline_probability(self) -> float:
        """The probability at the baseline."""
        return float(self.calibrator.probabilities(np.array([self.baseline]))[0])

    def probability_scales(
        self, margins: NDArray[np.float64], probabilities: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return what each row's contributions are multiplied by to add up to its probability, (n_rows,), above 0.

        baseline_probability + scale x (margin - baseline) = probability within 1e-9. At the baseline itself it is the
        calibrator's slope there, which the quotient goes to.
        """
        gaps = margins - self.baseline
        close = np.abs(gaps) < _CLOSE
        quotients = (probabilities - self.baseline_probability) / np.where(close, 1.0, gaps)
        return np.where(close, self._slope_at_baseline, quotients)

    def imputed(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which values of uncleaned rows a fallback stands in for, in the shape of `values`."""
        imputed = np.zeros(values.shape, dtype=np.bool_)
        imputed[..., self._filling] = np.isnan(values[..., self._filling])
        return imputed

    @cached_property
    def _filling(self) -> NDArray[np.intp]:
        """The features that have a fallback."""
        return np.flatnonzero(~np.isnan(self.fallbacks))

    @cached_property
    def _slope_at_baseline(self) -> float:
        return float(self.calibrator.slopes(np.array([self.baseline]))[0])

    def _filled(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        if values.ndim != 2 or values.shape[1] != len(self.fallbacks):  # noqa: PLR2004  # rows and columns
            raise ValueError(f"rows must have {len(self.fallbacks)} columns")
        imputed = self.imputed(values)
        filled = np.where(imputed, self.fallbacks, values) if imputed.any() else values
        return np.ascontiguousarray(filled, dtype=np.float64), imputed
