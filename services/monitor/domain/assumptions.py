"""What the figures of a window rest on, and whether that holds: verdicts by size of effect, never by rows alone."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from services.monitor.domain.divergence import shares, stability_index
from services.monitor.domain.performance import (
    Assumption,
    CalibrationBin,
    Estimated,
    Held,
    Labelled,
    Measured,
    Premise,
    Realised,
)
from shared.bundle.profile import FeatureProfile

FEWEST_OUTCOMES = 50
"""Expected defaults, and repaid loans, below which chance drowns what the figures say."""
MISCALIBRATION = 0.1
"""Calibration error, as a share of the mean probability, from which probabilities no longer mean what they say."""
RANKING_LOST = 0.03
"""By how much the realised AUC may miss the expected one before the model no longer ranks as it did."""
SHIFTED = 0.2
"""Population stability index of the margins from which the applicants are others than in training."""
SELECTED = 0.8
"""Share of outcomes known of the refused over that of the approved below which the labelled are a selection."""
# One false alarm in a thousand windows whose probabilities hold.
_CHANCE = 0.001


@dataclass(frozen=True)
class Evidence:
    """What the premises are judged by.

    `margins` are those of the window, (n_rows,) in log-odds, `profile` how they were spread over the training data,
    `inputs_drifted` the newest drift verdict on the model version's decisions, None while there is none.
    """

    measured: Measured
    margins: NDArray[np.float64]
    profile: FeatureProfile
    inputs_drifted: bool | None


def check_assumptions(evidence: Evidence) -> tuple[Assumption, ...]:
    """Return each premise once, in the order of Premise."""
    return tuple(_checked(evidence))


def margin_shift(profile: FeatureProfile, margins: NDArray[np.float64]) -> float:
    """Return the population stability index of margins (n_rows,) over the bins of their profile; NaN is left out."""
    known = margins[~np.isnan(margins)]
    counts = np.bincount(np.searchsorted(profile.edges, known, side="left"), minlength=len(profile.counts))
    bins = np.ones((1, len(counts)), dtype=np.bool_)
    now, then = (shares(np.array([each], dtype=np.int64), bins) for each in (counts, profile.counts))
    return float(stability_index(now, then)[0])


def _checked(evidence: Evidence) -> Iterator[Assumption]:
    measured = evidence.measured
    yield _enough(measured.estimated)
    yield _calibrated(measured.realised)
    yield _scores(evidence)
    yield _inputs(evidence.inputs_drifted)
    yield _unselected(measured)
    yield _concept(measured)


def _enough(estimated: Estimated | None) -> Assumption:
    if estimated is None:
        return Assumption(Premise.ENOUGH_DECISIONS, Held.DOUBTFUL, "the window holds too few decisions for any figure")
    defaults = estimated.default_rate.value * estimated.rows
    fewer = min(defaults, estimated.rows - defaults)
    return _judged(
        Premise.ENOUGH_DECISIONS,
        doubtful=fewer < FEWEST_OUTCOMES,
        detail="expected defaults, or repaid loans if there are fewer; below the bound chance drowns the figures",
        figure=fewer,
        bound=FEWEST_OUTCOMES,
    )


def _calibrated(realised: Realised | None) -> Assumption:
    """Judge by the test of Hosmer and Lemeshow (1980), with as many degrees of freedom as bins, and by the effect."""
    if realised is None or not _tellable(realised):
        return _unchecked(Premise.CALIBRATED, "too few outcomes are known to hold the probabilities against")
    mean = sum(each.rows * each.probability for each in realised.calibration) / realised.rows
    error = realised.calibration_error / mean
    by_chance = float(chi2.sf(_misfit(realised.calibration), df=len(realised.calibration)))
    return _judged(
        Premise.CALIBRATED,
        doubtful=error > MISCALIBRATION and by_chance < _CHANCE,
        detail=f"calibration error of the labelled over their mean probability; by chance alone with p {by_chance:.2g}",
        figure=error,
        bound=MISCALIBRATION,
    )


def _misfit(bins: tuple[CalibrationBin, ...]) -> float:
    return sum(
        each.rows * (each.default_share - each.probability) ** 2 / (each.probability * (1.0 - each.probability))
        for each in bins
    )


def _scores(evidence: Evidence) -> Assumption:
    if evidence.measured.withheld:
        return _unchecked(Premise.SCORES_STABLE, "the window holds too few decisions to compare")
    index = margin_shift(evidence.profile, evidence.margins)
    return _judged(
        Premise.SCORES_STABLE,
        doubtful=index >= SHIFTED,
        detail="population stability index of the margins against the training data",
        figure=index,
        bound=SHIFTED,
    )


def _inputs(drifted: bool | None) -> Assumption:
    if drifted is None:
        return _unchecked(Premise.INPUTS_STABLE, "no drift verdict is known of this model version's decisions")
    found = "drifted away from the training data" if drifted else "are like the training data"
    return _judged(Premise.INPUTS_STABLE, doubtful=drifted, detail=f"the newest decisions' features {found}")


def _unselected(measured: Measured) -> Assumption:
    realised = measured.realised
    if realised is None:
        return _unchecked(Premise.LABELS_UNSELECTED, "too few outcomes are known")
    if not measured.refused:
        return _judged(Premise.LABELS_UNSELECTED, doubtful=False, detail="nobody was refused")
    of_refused = realised.refused / measured.refused
    of_approved = realised.approved / measured.approved if measured.approved else 0.0
    known = min(1.0, of_refused / of_approved) if of_approved else 1.0
    detail = "share of outcomes known of the refused over that of the approved"
    if realised.among is Labelled.APPROVED_ONLY:
        detail = (
            "outcomes are known of approved applicants alone: what the refused would have done is not in any figure"
        )
    return _judged(Premise.LABELS_UNSELECTED, doubtful=known < SELECTED, detail=detail, figure=known, bound=SELECTED)


def _concept(measured: Measured) -> Assumption:
    realised, expected = measured.realised, measured.estimated_labelled
    if realised is None or expected is None or realised.auc is None or expected.auc is None or not _tellable(realised):
        detail = "estimates are blind to concept drift, which outcomes alone can show, and too few are known"
        return _unchecked(Premise.CONCEPT_STABLE, detail)
    lost = abs(realised.auc - expected.auc.value)
    by_chance = expected.auc.low <= realised.auc <= expected.auc.high
    return _judged(
        Premise.CONCEPT_STABLE,
        doubtful=lost > RANKING_LOST and not by_chance,
        detail="realised against expected AUC of the labelled; of all others estimates stay blind to concept drift",
        figure=lost,
        bound=RANKING_LOST,
    )


def _tellable(realised: Realised) -> bool:
    """Return whether there are defaults and repaid loans enough, counted or expected, to contradict anything."""
    expected = sum(each.rows * each.probability for each in realised.calibration)
    counted = realised.default_rate * realised.rows
    return min(max(expected, counted), realised.rows - min(expected, counted)) >= FEWEST_OUTCOMES


def _judged(
    premise: Premise, *, doubtful: bool, detail: str, figure: float | None = None, bound: float | None = None
) -> Assumption:
    return Assumption(premise, Held.DOUBTFUL if doubtful else Held.HOLDS, detail, figure, bound)


def _unchecked(premise: Premise, detail: str) -> Assumption:
    return Assumption(premise, Held.NOT_CHECKED, detail)
