"""How good a set of probabilities is, as ranking, as probability and as decision."""

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
from shared.calibration import expected_calibration_error


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
