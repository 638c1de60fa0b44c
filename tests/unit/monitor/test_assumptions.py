"""Whether the figures can be trusted is said, and a large window alone gives no doubt."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

from services.monitor.domain.assumptions import Evidence, check_assumptions, margin_shift
from services.monitor.domain.decided import Decided
from services.monitor.domain.measuring import measure
from services.monitor.domain.performance import Held, Premise
from shared.bundle.profile import profile_column
from tests.unit.monitor.decisions import calibrated, decided, outcomes

TRAINING = calibrated(20_000, seed=11)
PROFILE = profile_column(logit(TRAINING.probabilities))


def held(window: Decided, *, inputs_drifted: bool | None = False) -> dict[Premise, Held]:
    """Return what is found of each premise for a window of decisions."""
    measured = measure(window, 100)
    evidence = Evidence(measured, logit(window.probabilities), PROFILE, inputs_drifted)
    return {each.premise: each.held for each in check_assumptions(evidence)}


@pytest.mark.parametrize("rows", [2_000, 200_000])
def test_a_window_like_training_raises_no_doubt(rows: int) -> None:
    """However large it is."""
    assert set(held(calibrated(rows, seed=12)).values()) == {Held.HOLDS}


def test_before_any_outcome_calibration_and_concept_are_not_checked() -> None:
    """Nothing is claimed of what only outcomes can show."""
    window = calibrated(5_000, seed=13)

    found = held(replace(window, labels=np.full(window.rows, np.nan)), inputs_drifted=None)

    unchecked = {premise for premise, verdict in found.items() if verdict is Held.NOT_CHECKED}
    assert unchecked == {
        Premise.CALIBRATED,
        Premise.CONCEPT_STABLE,
        Premise.INPUTS_STABLE,
        Premise.LABELS_UNSELECTED,
    }
    assert {found[premise] for premise in set(found) - unchecked} == {Held.HOLDS}


def test_defaults_that_rise_at_every_score_contradict_calibration() -> None:
    """Half as many again default as the probabilities say; the ranking stays."""
    window = calibrated(20_000, seed=14)

    found = held(replace(window, labels=outcomes(1.5 * window.probabilities, 15)))

    assert found[Premise.CALIBRATED] is Held.DOUBTFUL
    assert found[Premise.CONCEPT_STABLE] is Held.HOLDS


def test_a_ranking_that_is_lost_contradicts_the_concept() -> None:
    """As many default as before, but others."""
    window = calibrated(20_000, seed=16)

    found = held(replace(window, labels=np.random.default_rng(17).permutation(window.labels)))

    assert found[Premise.CONCEPT_STABLE] is Held.DOUBTFUL


def test_outcomes_of_the_approved_alone_are_a_selection() -> None:
    """The refused would tell what refusing was worth; their probabilities hold all the same."""
    window = calibrated(20_000, seed=18)

    found = held(replace(window, labels=np.where(window.approved, window.labels, np.nan)))

    assert found[Premise.LABELS_UNSELECTED] is Held.DOUBTFUL
    assert found[Premise.CALIBRATED] is Held.HOLDS


def test_where_nobody_was_refused_nothing_was_selected() -> None:
    """All outcomes there can be are known."""
    window = calibrated(20_000, seed=19)

    found = held(decided(window.probabilities, window.labels, threshold=1.0))

    assert found[Premise.LABELS_UNSELECTED] is Held.HOLDS


def test_other_applicants_than_in_training_are_doubtful() -> None:
    """Margins a standard deviation higher; so is what the drift verdict says of the inputs."""
    riskier = expit(logit(calibrated(5_000, seed=20).probabilities) + 1.0)

    found = held(decided(riskier), inputs_drifted=True)

    assert found[Premise.SCORES_STABLE] is Held.DOUBTFUL
    assert found[Premise.INPUTS_STABLE] is Held.DOUBTFUL


@pytest.mark.parametrize("rows", [50, 300])
def test_a_small_window_is_doubtful(rows: int) -> None:
    """Too few for any figure, or figures that chance drowns: some 25 defaults are expected of 300."""
    assert held(calibrated(rows, seed=21))[Premise.ENOUGH_DECISIONS] is Held.DOUBTFUL


def test_the_margin_shift_is_nothing_against_oneself() -> None:
    """Missing values are in no bin; all in one bin is a large shift, and not an infinite one."""
    values = logit(TRAINING.probabilities)

    assert margin_shift(PROFILE, np.append(values, np.nan)) == pytest.approx(0.0, abs=1e-12)
    assert 1.0 < margin_shift(PROFILE, np.full(1_000, 10.0)) < 100.0
