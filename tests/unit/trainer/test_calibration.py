"""A calibrator keeps the order of applicants, and is refused where there is no order to keep."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.trainer.domain.calibration import fit_sigmoid
from shared.errors import Precondition


def _applicants(seed: int, *, slope: float, rows: int = 300) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Return targets and margins; a margin's log-odds of default are `slope` times it."""
    random = np.random.default_rng(seed)
    margins = random.normal(size=rows)
    return (random.random(rows) < 1.0 / (1.0 + np.exp(-slope * margins))).astype(np.int8), margins


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), shift=st.floats(-20.0, 20.0), scale=st.floats(0.01, 100.0))
def test_a_riskier_margin_is_never_a_smaller_probability(seed: int, shift: float, scale: float) -> None:
    """Whatever scale a classifier's margins are on, ranks survive and the mean is the rate of defaults."""
    targets, plain = _applicants(seed, slope=1.0)
    margins = scale * (plain + shift)

    calibrator = fit_sigmoid(targets, margins)

    assert calibrator.slope > 0.0
    assert np.all(np.diff(calibrator.probabilities(np.sort(margins))) >= 0.0)
    assert calibrator.probabilities(margins).mean() == pytest.approx(targets.mean(), abs=1e-3)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 100.0))
def test_probabilities_do_not_depend_on_the_scale_of_margins(seed: int, scale: float) -> None:
    """Margins ten times as large get a tenth of the slope."""
    targets, margins = _applicants(seed, slope=1.0)

    plain, scaled = fit_sigmoid(targets, margins), fit_sigmoid(targets, scale * margins)

    assert scaled.slope * scale == pytest.approx(plain.slope, rel=1e-3)
    assert scaled.probabilities(scale * margins) == pytest.approx(plain.probabilities(margins), abs=1e-4)


@settings(deadline=None)
@given(
    margin=st.floats(-50.0, 50.0),
    targets=st.lists(st.integers(0, 1), min_size=2, max_size=60),
    noise=st.sampled_from([0.0, 1e-15]),
)
def test_margins_that_are_all_the_same_are_no_signal(margin: float, targets: list[int], noise: float) -> None:
    """A tree that never splits says the rate of defaults of everyone; that ranks nobody, below zero as above."""
    assume(len(set(targets)) == 2)
    margins = margin * (1.0 + noise * np.arange(len(targets)) / len(targets))

    with pytest.raises(Precondition) as refusal:
        fit_sigmoid(np.array(targets, dtype=np.int8), margins)

    assert refusal.value.reason == "NO_SIGNAL"


def test_margins_that_fall_with_the_defaults_are_no_signal() -> None:
    """A negative slope would turn every reason round."""
    targets, margins = _applicants(3, slope=-1.5)

    with pytest.raises(Precondition) as refusal:
        fit_sigmoid(targets, margins)

    assert refusal.value.reason == "NO_SIGNAL"


def test_classes_that_margins_part_completely_have_a_finite_slope() -> None:
    """The likelihood has no maximum there; the fit stops where nothing is left to gain."""
    targets = np.repeat(np.array([0, 1], dtype=np.int8), 50)

    calibrator = fit_sigmoid(targets, np.linspace(-1.0, 1.0, 100))

    assert np.isfinite(calibrator.slope)
    assert calibrator.probabilities(np.array([-1.0, 1.0])) == pytest.approx([0.0, 1.0], abs=1e-3)
