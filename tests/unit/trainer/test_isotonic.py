"""Isotonic calibration keeps what isotonic regression finds, and keeps applicants apart, inside (0, 1)."""

import json

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from services.trainer.domain.calibration import calibrate, fit_isotonic, fit_sigmoid
from services.trainer.domain.folds import draw_folds
from services.trainer.domain.plan import Calibration, Resampling
from shared.bundle.calibration import Calibrator
from shared.calibration import expected_calibration_error
from shared.errors import Precondition

# Coarse margins tie, fine ones are neighbours that no rounding may swap.
_MARGINS = st.one_of(
    st.floats(-5.0, 5.0).map(lambda margin: round(margin, 6)),
    st.sampled_from([-1.0, 0.0, 0.5]),
    st.sampled_from([0.5, float(np.nextafter(0.5, 1.0)), float(np.nextafter(0.5, 0.0))]),
)


def _bent(seed: int, rows: int) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Return applicants whose log-odds rise with the margin, but flatly below zero and steeply above."""
    random = np.random.default_rng(seed)
    margins = random.normal(size=rows)
    truth = expit(-2.5 + np.where(margins < 0.0, 0.1 * margins, 3.0 * margins))
    return (random.random(rows) < truth).astype(np.int8), margins


def _fitted(applicants: list[tuple[int, float]]) -> tuple[Calibrator, NDArray[np.float64]]:
    targets = np.array([target for target, _ in applicants], dtype=np.int8)
    margins = np.array([margin for _, margin in applicants])
    assume(len(set(targets.tolist())) == 2)
    try:
        return fit_isotonic(targets, margins), margins
    except Precondition as refusal:
        assume(refusal.reason != "NO_SIGNAL")
        raise


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), _MARGINS), min_size=4, max_size=40))
def test_any_fit_rises_strictly_and_stays_inside_zero_and_one(applicants: list[tuple[int, float]]) -> None:
    """Also far outside the margins that it has seen: every applicant has reasons, nobody is certain."""
    calibrator, margins = _fitted(applicants)

    spread = np.unique(np.concatenate([np.linspace(-20.0, 20.0, 401), np.round(margins, 3)]))
    probabilities = calibrator.probabilities(spread)

    assert np.all((probabilities > 0.0) & (probabilities < 1.0))
    assert np.all(np.diff(calibrator.log_odds) > 0.0)
    assert np.all(np.diff(probabilities) >= -1e-12)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), _MARGINS), min_size=4, max_size=40))
def test_a_fit_survives_json_to_the_last_bit(applicants: list[tuple[int, float]]) -> None:
    """What the scorer reads is what was fitted; a margin has its bits alone and in any batch."""
    calibrator, margins = _fitted(applicants)

    again = Calibrator.from_json(json.loads(json.dumps(calibrator.to_json(), allow_nan=False)))

    assert again == calibrator
    batch = again.probabilities(margins)
    assert batch.tobytes() == b"".join(again.probabilities(margins[i : i + 1]).tobytes() for i in range(len(margins)))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_block_of_the_isotonic_regression_keeps_its_rate_at_its_centre(seed: int) -> None:
    """At the mean of a block's margins the probability is the share of its applicants who defaulted."""
    targets, margins = _bent(seed, 3000)
    plain = IsotonicRegression().fit(margins, targets).predict(margins)

    calibrator = fit_isotonic(targets, margins)

    rates = np.unique(plain)
    centres = np.array([margins[plain == rate].mean() for rate in rates])
    inner = (rates > 0.0) & (rates < 1.0)
    assert np.array(calibrator.margins) == pytest.approx(centres)
    assert calibrator.probabilities(centres)[inner] == pytest.approx(rates[inner])


def test_the_ends_are_moved_inwards_by_half_an_applicant() -> None:
    """Four of four who repaid are no proof that the fifth will."""
    targets = np.array([0, 0, 0, 0, 1, 0, 1, 1], dtype=np.int8)

    calibrator = fit_isotonic(targets, np.arange(8.0))

    rates = expit(np.array(calibrator.log_odds))
    assert rates == pytest.approx([0.5 / 5, 1 / 2, 1.0 - 0.5 / 3])


def test_an_end_is_never_moved_past_its_neighbour() -> None:
    """One applicant who repaid says less than 1 in 50 who did not, but stays below them."""
    targets = np.concatenate([[0], [0] * 49, [1], [1]]).astype(np.int8)
    margins = np.concatenate([[-1.0], np.zeros(50), [1.0]])

    rates = expit(np.array(fit_isotonic(targets, margins).log_odds))

    assert rates[0] == pytest.approx(0.01)
    assert rates[1] == pytest.approx(0.02)


def test_margins_that_fall_with_the_defaults_are_no_signal() -> None:
    """As for the sigmoid."""
    targets, margins = _bent(4, 300)

    with pytest.raises(Precondition) as refusal:
        fit_isotonic(targets, -margins)

    assert refusal.value.reason == "NO_SIGNAL"


@pytest.mark.parametrize(
    ("bent", "taken"), [(True, "isotonic"), (False, "sigmoid")], ids=["a bent curve", "a straight line"]
)
def test_auto_takes_what_fits_unseen_applicants_better(bent: bool, taken: str) -> None:
    """A sigmoid cannot bend; where nothing bends, its two figures are the safer ones."""
    targets, margins = _bent(5, 4000)
    if not bent:
        random = np.random.default_rng(6)
        targets = (random.random(len(margins)) < expit(margins - 2.0)).astype(np.int8)

    calibrated = calibrate(
        Calibration.AUTO, targets, margins.reshape(1, -1), list(draw_folds(targets, Resampling(5, 1, 0)))
    )

    assert calibrated.calibrator.kind == taken
    assert calibrated.losses[taken] == min(calibrated.losses.values())
    assert set(calibrated.losses) == {"sigmoid", "isotonic"}


@pytest.mark.parametrize("wanted", [Calibration.SIGMOID, Calibration.ISOTONIC])
def test_who_asks_for_a_kind_gets_it(wanted: Calibration) -> None:
    """And nothing else is fitted."""
    targets, margins = _bent(7, 500)

    calibrated = calibrate(wanted, targets, margins.reshape(1, -1), list(draw_folds(targets, Resampling(3, 1, 0))))

    assert calibrated.calibrator.kind == wanted.value.lower()
    assert list(calibrated.losses) == [wanted.value.lower()]


def test_no_probability_comes_from_a_calibrator_that_saw_its_row() -> None:
    """Turning a row's own target round changes its final probability, never its cross-fitted one."""
    targets, margins = _bent(8, 400)
    splits = list(draw_folds(targets, Resampling(4, 2, 0)))
    fold = splits[1]
    turned = targets.copy()
    turned[fold.outside] = 1 - turned[fold.outside]
    both = np.vstack([margins, margins])

    honest, changed = (calibrate(Calibration.SIGMOID, each, both, splits) for each in (targets, turned))

    assert honest.probabilities.shape == (2, 400)
    assert not np.isnan(honest.probabilities).any()
    assert np.array_equal(honest.probabilities[0, fold.outside], changed.probabilities[0, fold.outside])
    assert honest.calibrator != changed.calibrator


def test_both_kinds_take_back_what_class_weights_did() -> None:
    """Margins of balanced training are too high for everyone; on other applicants the error is below 1 %."""
    targets, margins = _bent(9, 20_000)
    others, other_margins = _bent(10, 20_000)
    shifted, other_shifted = margins + 2.4, other_margins + 2.4

    isotonic = fit_isotonic(targets, shifted).probabilities(other_shifted)
    sigmoid = fit_sigmoid(targets, shifted).probabilities(other_shifted)

    assert expected_calibration_error(others, isotonic) < 0.01
    assert expected_calibration_error(others, isotonic) < expected_calibration_error(others, sigmoid)
    assert expected_calibration_error(others, expit(other_shifted)) > 0.2
