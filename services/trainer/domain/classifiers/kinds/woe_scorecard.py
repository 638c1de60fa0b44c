"""A scorecard: each column cut into bins by OptBinning, and a logistic regression on their weights of evidence."""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.trainer.domain.binning import Bins, weigh
from services.trainer.domain.classifiers.classifier import Classifier
from services.trainer.domain.classifiers.fitting import Fit
from services.trainer.domain.hyperparameters import Hyperparameter, Hyperparameters
from shared.bundle.model import Model
from shared.bundle.scorecard_model import Characteristic, ScorecardModel

_HYPERPARAMETERS = (
    Hyperparameter("max_n_bins", "integer", 6, "Largest number of bins of a column.", 2, 50),
    Hyperparameter("min_bin_size", "real", 0.05, "Smallest share of the applicants in a bin.", 0.001, 0.5),
    Hyperparameter(
        "min_information_value",
        "real",
        0.02,
        "Columns whose bins tell less of default are left out; the one that tells most is always kept.",
        0.0,
        10.0,
    ),
    Hyperparameter("C", "real", 1.0, "Inverse of the strength of the L2 penalty on the coefficients.", 1e-8, 1e8),
)
_FEW = 2


def prepare(
    values: NDArray[np.float64],
    targets: NDArray[np.int8],
    weights: NDArray[np.float64],
    *,
    threads: int,  # noqa: ARG001 - columns are cut one after the other
) -> Fit:
    """Cut each column once for all models with bins of the same number and size.

    Class weights do not move a bin: a weight of evidence compares shares of the classes.
    """
    from sklearn.linear_model import LogisticRegression

    @lru_cache(maxsize=1)
    def cut(max_n_bins: int, min_bin_size: float) -> tuple[Bins, ...]:
        """Return the bins of every column."""
        return tuple(
            weigh(column, targets, _edges(column, targets, max_n_bins=max_n_bins, min_bin_size=min_bin_size))
            for column in values.T
        )

    def fit(hyperparameters: Hyperparameters, seed: int) -> Model:
        """Weigh the columns that tell enough; see Fit."""
        bins = cut(int(hyperparameters["max_n_bins"]), float(hyperparameters["min_bin_size"]))
        kept = _telling(bins, float(hyperparameters["min_information_value"]))
        evidence = np.column_stack([bins[place].apply(values[:, place]) for place in kept])
        regression = LogisticRegression(C=hyperparameters["C"], max_iter=1000, random_state=seed)
        regression.fit(evidence, targets, sample_weight=weights)
        return _scorecard(bins, dict(zip(kept, regression.coef_[0].tolist(), strict=True)), regression.intercept_[0])

    return fit


def _edges(
    column: NDArray[np.float64], targets: NDArray[np.int8], *, max_n_bins: int, min_bin_size: float
) -> tuple[float, ...]:
    """Return where OptBinning cuts a column so that the share of defaults rises or falls from bin to bin."""
    from optbinning import OptimalBinning

    different = np.unique(column[~np.isnan(column)])
    if len(different) <= _FEW:
        # Nothing to optimise, and most columns are one-hot.
        return tuple((different[:-1] + np.diff(different) / 2.0).tolist())
    binning = OptimalBinning(
        monotonic_trend="auto_asc_desc", max_n_bins=max_n_bins, min_bin_size=min_bin_size, time_limit=3600
    )
    binning.fit(column, targets.astype(np.int64))
    return tuple(float(edge) for edge in binning.splits)


def _telling(bins: tuple[Bins, ...], least: float) -> list[int]:
    """Return the columns whose information value is at least so large, or the one with the largest."""
    values = [each.information_value for each in bins]
    return [place for place, value in enumerate(values) if value >= least] or [int(np.argmax(values))]


def _scorecard(bins: tuple[Bins, ...], coefficients: dict[int, float], intercept: float) -> ScorecardModel:
    unasked = Characteristic(0.0, (), (0.0,), 0.0)
    characteristics = [unasked] * len(bins)
    for place, coefficient in coefficients.items():
        each = bins[place]
        characteristics[place] = Characteristic(coefficient, each.edges, each.woes, each.missing_woe)
    return ScorecardModel(float(intercept), tuple(characteristics))


CLASSIFIER: Final = Classifier(
    "woe_scorecard",
    "Scorecard: logistic regression on the weights of evidence of bins (OptBinning), a bin for missing values too.",
    _HYPERPARAMETERS,
    takes_missing_values=True,
    prepare=prepare,
)
