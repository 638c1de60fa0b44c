"""From margins to probabilities that mean what they say, fitted on applicants the model had not seen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from services.trainer.domain.folds import Split
from services.trainer.domain.plan import Calibration
from shared.bundle.calibration import Calibrator
from shared.errors import Precondition

# Margins that differ by no more than this share of the largest differ by rounding alone.
_ROUNDING = 1e-12

Fit = Callable[[NDArray[np.int8], NDArray[np.float64]], Calibrator]


@dataclass(frozen=True)
class Calibrated:
    """The calibrator fitted on all out-of-fold margins, and the log loss of each kind that was tried, cross-fitted.

    `probabilities`, (repeats, n_rows), are cross-fitted: each comes from a calibrator that had not seen its row either.
    """

    calibrator: Calibrator
    probabilities: NDArray[np.float64]
    losses: Mapping[str, float]


def calibrate(
    wanted: Calibration, targets: NDArray[np.int8], margins: NDArray[np.float64], splits: Sequence[Split]
) -> Calibrated:
    """Return the calibration of out-of-fold margins, (repeats, n_rows), that were held out by these splits.

    Of equal losses the sigmoid is taken, which has two figures alone. Raises Precondition NO_SIGNAL where a larger
    margin does not mean more defaults, in all rows or without those of one fold.
    """
    everyone = np.tile(targets, len(margins))
    best: Calibrated | None = None
    losses: dict[str, float] = {}
    for fit in _FITS[wanted]:
        probabilities = _cross_fitted(fit, targets, margins, splits)
        calibrator = fit(everyone, margins.reshape(-1))
        loss = float(log_loss(everyone, probabilities.reshape(-1), labels=[0, 1]))
        if best is None or loss < min(losses.values()):
            best = Calibrated(calibrator, probabilities, losses)
        losses[calibrator.kind] = loss
    if best is None:
        raise ValueError(f"nothing is fitted for {wanted}")
    return best


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


def fit_isotonic(targets: NDArray[np.int8], margins: NDArray[np.float64]) -> Calibrator:
    """Return the isotonic fit of margins to what happened, its steps joined by rising lines.

    Isotonic regression alone is constant over each of its blocks, and 0 or 1 at the ends. As in centred isotonic
    regression (Oron and Flournoy, 2017) a block counts at the mean of its margins, and log-odds rise in straight lines
    from one to the next. Beyond the outermost, where nothing was seen, they follow the sigmoid's slope, but rise no
    faster than the margins themselves, so that nobody gets a probability of 0 or 1. Raises Precondition NO_SIGNAL as
    `fit_sigmoid` does.
    """
    slope = min(fit_sigmoid(targets, margins).slope, 1.0)
    at, rows, defaults = _blocks(targets, margins)
    if len(at) == 1:
        raise _no_signal()
    rates = _inside(rows, defaults)
    return Calibrator("isotonic", slope, 0.0, tuple(at.tolist()), tuple(logit(rates).tolist()))


_FITS: Mapping[Calibration, tuple[Fit, ...]] = {
    Calibration.AUTO: (fit_sigmoid, fit_isotonic),
    Calibration.SIGMOID: (fit_sigmoid,),
    Calibration.ISOTONIC: (fit_isotonic,),
}


def _cross_fitted(
    fit: Fit, targets: NDArray[np.int8], margins: NDArray[np.float64], splits: Sequence[Split]
) -> NDArray[np.float64]:
    probabilities = np.full_like(margins, np.nan)
    for split in splits:
        calibrator = fit(targets[split.inside], margins[split.repeat, split.inside])
        probabilities[split.repeat, split.outside] = calibrator.probabilities(margins[split.repeat, split.outside])
    return probabilities


def _blocks(
    targets: NDArray[np.int8], margins: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the blocks of the isotonic regression, rates rising: where they are centred, their rows and defaults."""
    distinct, place = np.unique(margins, return_inverse=True)
    rows = np.bincount(place).astype(np.float64)
    defaults = np.bincount(place, weights=targets)
    edges = isotonic_regression(defaults / rows, weights=rows).blocks
    sums = [np.add.reduceat(values, edges[:-1]) for values in (rows, defaults, rows * distinct)]
    # Blocks whose rates differ by rounding alone are one.
    _, block = np.unique(sums[1] / sums[0], return_inverse=True)
    block_rows, block_defaults, block_margins = (
        np.asarray(np.bincount(block, weights=values), dtype=np.float64) for values in sums
    )
    # Rounding must not carry a block's centre past its own margins: then two blocks could change places.
    first = edges[:-1][np.searchsorted(block, np.arange(len(block_rows)))]
    last = np.append(first[1:], len(distinct)) - 1
    return np.clip(block_margins / block_rows, distinct[first], distinct[last]), block_rows, block_defaults


def _inside(rows: NDArray[np.float64], defaults: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the blocks' rates, a first one of 0 and a last one of 1 moved inwards by half an applicant."""
    rates = defaults / rows
    # Never past the neighbour: the order of blocks is what the fit has found.
    if rates[0] == 0.0:
        rates[0] = min(0.5 / (rows[0] + 1.0), rates[1] / 2.0)
    if rates[-1] == 1.0:
        rates[-1] = 1.0 - min(0.5 / (rows[-1] + 1.0), (1.0 - rates[-2]) / 2.0)
    return rates


def _no_signal() -> Precondition:
    return Precondition(
        "applicants whom the model rates riskier did not default more often out of fold, so it learnt nothing that "
        "holds; give it more rows, other columns or other hyper-parameters",
        reason="NO_SIGNAL",
    )
