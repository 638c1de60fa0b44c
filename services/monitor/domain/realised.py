"""What happened: figures of the applicants whose outcome is known."""

import numpy as np
from sklearn.metrics import brier_score_loss, roc_auc_score, roc_curve

from services.monitor.domain.decided import Decided, Floats
from services.monitor.domain.performance import CalibrationBin, Confusion, Labelled, Realised
from shared.calibration import CalibrationBins, calibration_bins


def realise(labelled: Decided) -> Realised:
    """Return the figures of decisions that all have a label; at least one.

    AUC and KS rank the probabilities, whatever was decided. The calibration error is the expected one (ECE) over ten
    bins of equally many applicants (Naeini, Cooper, Hauskrecht 2015, with bins of equal mass).
    """
    targets, probabilities = labelled.labels.astype(np.int8), labelled.probabilities
    bins = calibration_bins(targets, probabilities)
    auc, ks = _ranking(labelled.labels, probabilities)
    costs = labelled.costs_if(labelled.labels)
    known = costs[~np.isnan(costs)]
    approved, refused = int(labelled.approved.sum()), int(labelled.refused.sum())
    return Realised(
        among=Labelled.ALL_DECISIONS if approved < labelled.rows else Labelled.APPROVED_ONLY,
        approved=approved,
        refused=refused,
        referred=labelled.rows - approved - refused,
        default_rate=float(labelled.labels.mean()),
        auc=auc,
        ks=ks,
        brier=float(brier_score_loss(targets, probabilities)),
        calibration_error=bins.error,
        calibration=_calibration(bins),
        confusion=confusion(labelled, labelled.labels),
        cost=float(known.mean()) if len(known) else None,
        cost_rows=len(known),
    )


def confusion(decided: Decided, defaulted: Floats) -> Confusion:
    """Return how many were decided rightly and wrongly where each defaults with a chance; the referred do not count."""
    repaid = 1.0 - defaulted
    return Confusion(
        refused_defaulted=float(defaulted[decided.refused].sum()),
        refused_repaid=float(repaid[decided.refused].sum()),
        approved_defaulted=float(defaulted[decided.approved].sum()),
        approved_repaid=float(repaid[decided.approved].sum()),
    )


def _ranking(labels: Floats, probabilities: Floats) -> tuple[float | None, float | None]:
    if labels.min() == labels.max():
        return None, None
    false_positive, true_positive, _ = roc_curve(labels, probabilities)
    return float(roc_auc_score(labels, probabilities)), float(np.max(true_positive - false_positive))


def _calibration(bins: CalibrationBins) -> tuple[CalibrationBin, ...]:
    columns = (bins.rows.tolist(), bins.probabilities.tolist(), bins.shares.tolist())
    return tuple(CalibrationBin(*figures) for figures in zip(*columns, strict=True))
