"""From margins to probabilities that mean what they say, fitted on applicants the model had not seen."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from shared.bundle.calibration import Calibrator
from shared.errors import Precondition

# Margins that differ by no more than this share of the largest differ by rounding alone.
_ROUNDING = 1e-12


def fit_sigmoid(targets: NDArray[np.int8], margins: NDArray[np.float64]) -> Calibrator:
    """Return the sigmoid that fits out-of-fold margins to what happened, without any class weight.

    Platt (1999), "Probabilistic outputs for support vector machines", without his smoothing of the targets: a model
    trained with balanced classes says 0.5 where one in twelve defaults, and this takes it back. Raises Precondition
    NO_SIGNAL where a larger margin does not mean more defaults, since every reason would then point the wrong way, and
    where all margins are the same.
    """
    # A slope has nothing to hold on to here: the fit would put the rate of defaults into it, instead of the intercept.
    if np.ptp(margins) <= _ROUNDING * np.abs(margins).max():
        raise _no_signal()
    scale = float(np.std(margins))
    # Without a penalty (C infinite) the fit is the plain maximum of the likelihood; scaling makes the solver robust.
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    model.fit((margins / scale).reshape(-1, 1), targets)
    slope = float(model.coef_[0, 0]) / scale
    if not slope > 0.0:
        raise _no_signal()
    return Calibrator("sigmoid", slope, float(model.intercept_[0]))


def _no_signal() -> Precondition:
    return Precondition(
        "applicants whom the model rates riskier did not default more often out of fold, so it learnt nothing that "
        "holds; give it more rows, other columns or other hyper-parameters",
        reason="NO_SIGNAL",
    )
