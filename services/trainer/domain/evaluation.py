"""How good a set of probabilities is, as ranking, as probability and as decision."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    log_loss,
    roc_auc_score,
    roc_curve,
)

from services.trainer.domain.decisions import decision_metrics
from services.trainer.domain.scored import Scored
from services.trainer.domain.threshold import Costs, at_stake

_BINS = 10


def evaluate(
    targets: NDArray[np.int8],
    probabilities: NDArray[np.float64],
    *,
    threshold: float,
    costs: Costs,
    amounts: NDArray[np.float64] | None = None,
) -> dict[str, float]:
    """Return every metric by name; both classes must occur.

    Ranking (auc, gini, ks, average_precision) and probability (log_loss, brier, expected_calibration_error) are taken
    on the probabilities, the rest (see `decision_metrics`) on the decision to refuse at and above the threshold.
    `amounts` as in `cost_at`.
    """
    scored = Scored(targets, probabilities, at_stake(costs, amounts, len(targets)))
    return {
        **_ranking(targets, probabilities),
        "log_loss": float(log_loss(targets, probabilities, labels=[0, 1])),
        "brier": float(brier_score_loss(targets, probabilities)),
        "expected_calibration_error": expected_calibration_error(targets, probabilities),
        **decision_metrics(scored, threshold, costs),
    }


def expected_calibration_error(targets: NDArray[np.int8], probabilities: NDArray[np.float64]) -> float:
    """Return by how much, on average, a bin's mean probability misses its share of defaults.

    The ten bins hold equally many applicants, but for equal probabilities, which share a bin.
    """
    bins = calibration_bins(targets, probabilities)
    return float(np.average(np.abs(bins.probabilities - bins.shares), weights=bins.rows))


@dataclass(frozen=True)
class CalibrationBins:
    """Applicants by rising probability: how many a bin holds, their mean probability and their share of defaults."""

    rows: NDArray[np.intp]
    probabilities: NDArray[np.float64]
    shares: NDArray[np.float64]


def calibration_bins(targets: NDArray[np.int8], probabilities: NDArray[np.float64]) -> CalibrationBins:
    """Return up to ten bins of equally many applicants; equal probabilities share a bin, so it may be more or fewer."""
    edges = np.unique(np.quantile(probabilities, np.linspace(0.0, 1.0, _BINS + 1)[1:-1], method="higher"))
    place = np.searchsorted(edges, probabilities, side="right")
    rows = np.bincount(place)
    filled = rows > 0
    sums = (np.bincount(place, weights=values)[filled] for values in (probabilities, targets))
    means, shares = (total / rows[filled] for total in sums)
    return CalibrationBins(rows[filled], means, shares)


def area_under_curve(targets: NDArray[np.int8], scores: NDArray[np.float64]) -> float:
    """Return the area under the ROC curve: the chance that a default ranks above a repaid loan."""
    return float(roc_auc_score(targets, scores))


def named(split: str, metrics: dict[str, float]) -> dict[str, float]:
    """Return the metrics with the split's name in front, such as test_auc."""
    return {f"{split}_{name}": value for name, value in metrics.items()}


def evaluate_most_frequent(
    train_targets: NDArray[np.int8], targets: NDArray[np.int8], costs: Costs
) -> dict[str, float]:
    """Return the metrics of scikit-learn's DummyClassifier(most_frequent), fitted on the train targets."""
    dummy = DummyClassifier(strategy="most_frequent").fit(np.zeros((len(train_targets), 1)), train_targets)
    probabilities = dummy.predict_proba(np.zeros((len(targets), 1)))[:, 1]
    return evaluate(targets, probabilities, threshold=0.5, costs=costs)


def _ranking(targets: NDArray[np.int8], probabilities: NDArray[np.float64]) -> dict[str, float]:
    area = area_under_curve(targets, probabilities)
    false_positive, true_positive, _ = roc_curve(targets, probabilities)
    return {
        "auc": area,
        "gini": 2.0 * area - 1.0,
        "ks": float(np.max(true_positive - false_positive)),
        "average_precision": float(average_precision_score(targets, probabilities)),
    }
