"""Rows of inputs to answers, by one bundle."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.scorer.domain.decision import Decision, decide
from services.scorer.domain.reasons import EVERYTHING, Detail, InProbability, Reasons, Wish, rank
from shared.bundle.reading import Bundle, Scores
from shared.errors import InvalidInput


@dataclass(frozen=True)
class Answer:
    """What a bundle says about one applicant. Positions in `imputed` and `reasons` are those of the bundle's schema.

    `probability` of default lies inside (0, 1); `margin` and `baseline` are log-odds before calibration. `reasons` are
    those that were wished for.
    """

    probability: float
    margin: float
    baseline: float
    threshold: float
    decision: Decision
    wish: Wish
    reasons: Reasons
    in_probability: InProbability
    imputed: tuple[int, ...]


def answer(
    bundle: Bundle, rows: Sequence[NDArray[np.float64]], wishes: Sequence[Wish] | None = None
) -> list[Answer | InvalidInput]:
    """Return the answer about each row, each of shape (n_features,) with NaN where a value is missing.

    `wishes` say which reasons are wanted for each row, by default all. All rows go through the model in one call. A row
    whose numbers the model cannot add up gets an InvalidInput in place of an answer and leaves the others alone.
    """
    wishes = wishes if wishes is not None else [EVERYTHING] * len(rows)
    with np.errstate(over="ignore", invalid="ignore"):
        scores = _scores(bundle, np.ascontiguousarray(np.stack(rows)), wishes)
        scales = bundle.scoring.probability_scales(scores.margins, scores.probabilities)
    return [_one(bundle, scores, place, wish=wish, scale=float(scales[place])) for place, wish in enumerate(wishes)]


def _scores(bundle: Bundle, values: NDArray[np.float64], wishes: Sequence[Wish]) -> Scores:
    """Return the scores, with contributions of no feature if nobody wants reasons; the bits are the same."""
    if any(wish.detail is not Detail.NONE for wish in wishes):
        return bundle.score(values)
    margins, probabilities = bundle.predict(values)
    nothing = np.empty((len(values), 0))
    return Scores(margins, probabilities, nothing, bundle.scoring.baseline, bundle.scoring.imputed(values))


def _one(bundle: Bundle, scores: Scores, place: int, *, wish: Wish, scale: float) -> Answer | InvalidInput:
    margin, probability = float(scores.margins[place]), float(scores.probabilities[place])
    contributions = scores.contributions[place]
    if not (np.isfinite(margin) and np.all(np.isfinite(contributions)) and 0.0 < probability < 1.0):
        why = "hold numbers too large for the model to add up; check their units"
        return InvalidInput.of("features", why, reason="MARGIN_NOT_FINITE")
    return Answer(
        probability=probability,
        margin=margin,
        baseline=scores.baseline,
        threshold=bundle.threshold,
        decision=decide(probability, bundle.threshold),
        wish=wish,
        reasons=rank(contributions, wish),
        in_probability=InProbability(bundle.scoring.baseline_probability, scale),
        imputed=tuple(np.flatnonzero(scores.imputed[place]).tolist()),
    )
