"""Rows of inputs to answers, by one bundle."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.scorer.domain.decision import Decision, decide
from services.scorer.domain.reasons import Reasons, rank
from shared.bundle.reading import Bundle
from shared.errors import InvalidInput


@dataclass(frozen=True)
class Answer:
    """What a bundle says about one applicant. Positions in `imputed` and `reasons` are those of the bundle's schema.

    `probability` of default lies inside (0, 1); `margin` and `baseline` are log-odds before calibration.
    """

    probability: float
    margin: float
    baseline: float
    threshold: float
    decision: Decision
    reasons: Reasons
    imputed: tuple[int, ...]


def answer(bundle: Bundle, rows: Sequence[NDArray[np.float64]]) -> list[Answer | InvalidInput]:
    """Return the answer about each row, each of shape (n_features,) with NaN where a value is missing.

    All rows go through the model in one call. A row whose numbers the model cannot add up gets an InvalidInput in place
    of an answer and leaves the others alone.
    """
    values = np.ascontiguousarray(np.stack(rows))
    with np.errstate(over="ignore", invalid="ignore"):
        scores = bundle.score(values)
    baselines = np.broadcast_to(scores.baseline, scores.margins.shape)
    return [
        _one(
            bundle,
            margin=float(scores.margins[place]),
            probability=float(scores.probabilities[place]),
            baseline=float(baselines[place]),
            contributions=scores.contributions[place],
            imputed=scores.imputed[place],
        )
        for place in range(len(rows))
    ]


def _one(
    bundle: Bundle,
    *,
    margin: float,
    probability: float,
    baseline: float,
    contributions: NDArray[np.float64],
    imputed: NDArray[np.bool_],
) -> Answer | InvalidInput:
    if not (np.isfinite(margin) and np.all(np.isfinite(contributions)) and 0.0 < probability < 1.0):
        why = "hold numbers too large for the model to add up; check their units"
        return InvalidInput.of("features", why, reason="MARGIN_NOT_FINITE")
    return Answer(
        probability=probability,
        margin=margin,
        baseline=baseline,
        threshold=bundle.threshold,
        decision=decide(probability, bundle.threshold),
        reasons=rank(contributions),
        imputed=tuple(np.flatnonzero(imputed).tolist()),
    )
