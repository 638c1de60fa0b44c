"""Rows of inputs to answers, by one bundle."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.scorer.domain.decision import Decision, decide
from services.scorer.domain.reasons import EVERYTHING, Detail, InProbability, Reasons, Wish, rank_all
from shared.bundle.reading import Bundle, Scores
from shared.errors import InvalidInput


class Answer(NamedTuple):
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
    return _answers(bundle, scores, scales=scales.tolist(), wishes=wishes)


def _answers(
    bundle: Bundle, scores: Scores, *, scales: Sequence[float], wishes: Sequence[Wish]
) -> list[Answer | InvalidInput]:
    sound, imputed = _sound(scores).tolist(), _imputed(scores.imputed)
    margins, probabilities = scores.margins.tolist(), scores.probabilities.tolist()
    threshold, baseline = bundle.threshold, bundle.scoring.baseline_probability
    return [
        Answer(
            probability=probabilities[row],
            margin=margins[row],
            baseline=scores.baseline,
            threshold=threshold,
            decision=decide(probabilities[row], threshold),
            wish=wishes[row],
            reasons=reasons,
            in_probability=InProbability(baseline, scales[row]),
            imputed=imputed[row],
        )
        if sound[row]
        else _not_finite()
        for row, reasons in enumerate(rank_all(scores.contributions, wishes, bundle.schema.reason_groups))
    ]


def _scores(bundle: Bundle, values: NDArray[np.float64], wishes: Sequence[Wish]) -> Scores:
    """Return the scores, with contributions of no feature if nobody wants reasons; the bits are the same."""
    if any(wish.detail is not Detail.NONE for wish in wishes):
        return bundle.score(values)
    margins, probabilities = bundle.predict(values)
    nothing = np.empty((len(values), 0))
    return Scores(margins, probabilities, nothing, bundle.scoring.baseline, bundle.scoring.imputed(values))


def _sound(scores: Scores) -> NDArray[np.bool_]:
    """Return which rows have a finite margin with finite contributions, and a probability inside (0, 1)."""
    finite = np.isfinite(scores.margins) & np.isfinite(scores.contributions).all(axis=1)
    return np.asarray(finite & (scores.probabilities > 0.0) & (scores.probabilities < 1.0), dtype=np.bool_)


def _imputed(imputed: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    if not imputed.any():
        return [()] * len(imputed)
    return [tuple(np.flatnonzero(row).tolist()) for row in imputed]


def _not_finite() -> InvalidInput:
    why = "hold numbers too large for the model to add up; check their units"
    return InvalidInput.of("features", why, reason="MARGIN_NOT_FINITE")
