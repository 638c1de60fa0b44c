"""By what trials are judged: figures of margins of rows that the models had not seen, whole or as far as they are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import log_loss

from services.trainer.domain.calibration import fit_sigmoid
from services.trainer.domain.search import Objective
from services.trainer.domain.threshold import Costs, best_cost, best_threshold, cost_at
from shared.errors import Precondition


@dataclass(frozen=True)
class Judge:
    """Judges margins of (repeats, n_rows), NaN where a row has not been held out yet; at least one row has been.

    Thresholds and calibration are fitted on the very margins that they are judged on, the same for every trial: a
    figure is slightly hopeful, and fit to compare trials by.
    """

    objective: Objective
    targets: NDArray[np.int8]
    costs: Costs
    amounts: NDArray[np.float64] | None = None

    def so_far(self, margins: NDArray[np.float64], aucs: Sequence[float]) -> float:
        """Return the objective of the rows held out so far, of which each fold has its area under the curve."""
        if self.objective is Objective.AUC:
            return float(np.mean(aucs))
        return self.log_loss(margins) if self.objective is Objective.LOG_LOSS else self.cost(margins)

    def cost(self, margins: NDArray[np.float64]) -> float:
        """Return the cost per applicant at each repeat's best threshold, averaged over the repeats begun."""
        seen = ~np.isnan(margins)
        costs = [
            best_cost(self.targets[rows], repeat[rows], self.costs, self._amounts(rows))
            for repeat, rows in zip(margins, seen, strict=True)
            if rows.any()
        ]
        return float(np.mean(costs))

    def log_loss(self, margins: NDArray[np.float64]) -> float:
        """Return the log-loss after calibration by a sigmoid, or of the rate of defaults where none can be fitted."""
        seen = ~np.isnan(margins)
        targets = np.broadcast_to(self.targets, margins.shape)[seen]
        return float(log_loss(targets, self.calibrated(margins)[seen], labels=[0, 1]))

    def calibrated(self, margins: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probabilities of the margins, NaN where these are."""
        seen = ~np.isnan(margins)
        targets = np.broadcast_to(self.targets, margins.shape)[seen]
        try:
            calibrator = fit_sigmoid(targets, margins[seen])
        except Precondition:
            # Margins that do not rise with the defaults say no more than how many there are.
            return np.where(seen, targets.mean(), np.nan)
        return calibrator.probabilities(margins)

    def fold_cost(self, repeat: NDArray[np.float64], rows: NDArray[np.intp]) -> float:
        """Return the cost per applicant of some rows of a repeat, at the threshold that is best for all of it."""
        seen = ~np.isnan(repeat)
        threshold = best_threshold(self.targets[seen], expit(repeat[seen]), self.costs, self._amounts(seen)).value
        return cost_at(self.targets[rows], expit(repeat[rows]), threshold, self.costs, self._amounts(rows))

    def fold_log_loss(self, probabilities: NDArray[np.float64], rows: NDArray[np.intp]) -> float:
        """Return the log-loss of some rows of a repeat, whose probabilities are (n_rows,)."""
        return float(log_loss(self.targets[rows], probabilities[rows], labels=[0, 1]))

    def _amounts(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> NDArray[np.float64] | None:
        return None if self.amounts is None else self.amounts[rows]
