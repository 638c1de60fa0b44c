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


class Scored(NamedTuple):
    """What a bundle says about rows, as arrays.

    `scales`, (n_rows,), turn contributions to the margin into those to the probability. `sound` says of each row if
    it has a finite margin, finite contributions and a probability inside (0, 1); of others there is no answer.
    """

    scores: Scores
    scales: NDArray[np.float64]
    sound: NDArray[np.bool_]


def score(bundle: Bundle, rows: NDArray[np.float64], wishes: Sequence[Wish]) -> Scored:
    """Return what the bundle says about C-contiguous rows, (n_rows, n_features) with NaN where a value is missing.

    `wishes` say which reasons are wanted for each row. All rows go through the model in one call.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        scores = _scores(bundle, rows, wishes)
        scales = bundle.scoring.probability_scales(scores.margins, scores.probabilities)
    return Scored(scores, scales, _sound(scores))


def answer(
    bundle: Bundle, rows: Sequence[NDArray[np.float64]], wishes: Sequence[Wish] | None = None
) -> list[Answer | InvalidInput]:
    """Return the answer about each row, each of shape (n_features,), as `score` and `answers` do; by default all."""
    wishes = wishes if wishes is not None else [EVERYTHING] * len(rows)
    return answers(bundle, score(bundle, np.ascontiguousarray(np.stack(rows)), wishes), wishes)


def answers(bundle: Bundle, scored: Scored, wishes: Sequence[Wish]) -> list[Answer | InvalidInput]:
    """Return the answer about each row, an InvalidInput in place of that about one that is not sound."""
    scores, scales, sound = scored.scores, scored.scales.tolist(), scored.sound.tolist()
    margins, probabilities = scores.margins.tolist(), scores.probabilities.tolist()
    imputed = _imputed(scores.imputed)
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
        else not_finite()
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


def not_finite() -> InvalidInput:
    """Return why a row that is not sound has no answer."""
    why = "hold numbers too large for the model to add up; check their units"
    return InvalidInput.of("features", why, reason="MARGIN_NOT_FINITE")
