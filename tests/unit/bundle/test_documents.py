"""Schema, calibrator and data-set reference: what they promise and that JSON changes nothing."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from shared.bundle.calibration import Calibrator
from shared.bundle.dataset import DatasetReference
from shared.bundle.schema import Feature, FeatureSchema
from tests.bundles import TinyBundle


def test_schema_comes_back_from_json_as_it_was(trees: TinyBundle) -> None:
    """Codes, levels, bounds and fallbacks included."""
    schema = trees.contents.schema

    read = FeatureSchema.from_json(json.loads(json.dumps(schema.to_json())))

    assert read == schema
    assert read.names == schema.names


def test_schema_refuses_two_features_of_one_name() -> None:
    """A value could not be told to belong to either."""
    feature = Feature("AMT_CREDIT", "numeric", "application", ("application.AMT_CREDIT",))

    with pytest.raises(ValueError, match="one name"):
        FeatureSchema((feature, feature))


def test_dataset_reference_comes_back_from_json_as_it_was(trees: TinyBundle) -> None:
    """Scorer and monitor find the splits by it."""
    dataset = trees.contents.dataset

    read = DatasetReference.from_json(json.loads(json.dumps(dataset.to_json())))

    assert read == dataset


@given(slope=st.floats(0.01, 10), intercept=st.floats(-5, 5), margins=st.lists(st.floats(-3, 3), min_size=2))
def test_probability_is_the_logistic_function_of_the_calibrated_margin(
    slope: float, intercept: float, margins: list[float]
) -> None:
    """Bit by bit scipy's expit, inside (0, 1), and larger for a larger margin."""
    calibrator = Calibrator("sigmoid", slope, intercept)
    rising = np.sort(np.array(margins))

    probabilities = calibrator.probabilities(rising)

    assert probabilities.tobytes() == expit(slope * rising + intercept).tobytes()
    assert np.all((probabilities > 0.0) & (probabilities < 1.0))
    assert np.all(np.diff(probabilities)[np.diff(rising) > 1e-9] > 0.0)


def test_identity_is_the_plain_link() -> None:
    """A margin of 0 is a probability of one half."""
    probabilities = Calibrator("identity").probabilities(np.array([0.0, np.nan]))

    assert probabilities[0] == 0.5
    assert np.isnan(probabilities[1])


def test_isotonic_draws_lines_between_its_knots_and_beyond_them() -> None:
    """In log-odds: halfway between two knots lies halfway between theirs, outside the slope goes on."""
    calibrator = Calibrator("isotonic", 0.5, 0.0, (-1.0, 1.0, 2.0), (-3.0, -2.0, 0.0))

    probabilities = calibrator.probabilities(np.array([-3.0, -1.0, 0.0, 1.5, 2.0, 4.0, np.nan]))

    assert probabilities[:-1].tobytes() == expit(np.array([-4.0, -3.0, -2.5, -1.0, 0.0, 1.0])).tobytes()
    assert np.isnan(probabilities[-1])


@given(margin=st.floats(-4, 4).filter(lambda each: min(abs(each - knot) for knot in (-1.0, 1.0, 2.0)) > 1e-3))
def test_slope_is_how_fast_the_probability_rises(margin: float) -> None:
    """Beside the knots it is the difference quotient of the probability, above 0."""
    calibrator = Calibrator("isotonic", 0.5, 0.0, (-1.0, 1.0, 2.0), (-3.0, -2.0, 0.0))

    (slope,) = calibrator.slopes(np.array([margin]))

    below, above = calibrator.probabilities(np.array([margin - 1e-6, margin + 1e-6]))
    assert slope == pytest.approx((above - below) / 2e-6, rel=1e-4)
    assert slope > 0.0


@pytest.mark.parametrize(
    "calibrator",
    [
        Calibrator("sigmoid", 0.1 + 0.2, -1 / 3),
        Calibrator("isotonic", 0.1 + 0.2, 0.0, (-1 / 3, 0.1), (-2 / 3, 0.1 + 0.2)),
    ],
)
def test_calibrator_comes_back_from_json_as_it_was(calibrator: Calibrator) -> None:
    """JSON keeps every bit of its figures."""
    read = Calibrator.from_json(json.loads(json.dumps(calibrator.to_json())))

    assert read == calibrator


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "sigmoid", "slope": 0.0},
        {"kind": "sigmoid", "slope": -1.0},
        {"kind": "sigmoid", "slope": float("nan")},
        {"kind": "sigmoid", "intercept": float("inf")},
        {"kind": "identity", "slope": 2.0},
        {"kind": "isotonic"},
        {"kind": "isotonic", "intercept": 1.0, "margins": [0.0], "log_odds": [0.0]},
        {"kind": "isotonic", "slope": 0.0, "margins": [0.0], "log_odds": [0.0]},
        {"kind": "isotonic", "margins": [0.0, 1.0], "log_odds": [0.0]},
        {"kind": "isotonic", "margins": [0.0, 1.0], "log_odds": [0.5, 0.5]},
        {"kind": "isotonic", "margins": [1.0, 0.0], "log_odds": [0.0, 0.5]},
        {"kind": "isotonic", "margins": [0.0, 1.0], "log_odds": [0.0, float("inf")]},
        {"kind": "sigmoid", "margins": [0.0], "log_odds": [0.0]},
        {"kind": "cubist"},
    ],
)
def test_calibrator_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    """With a slope that does not rise, every reason would point the wrong way."""
    with pytest.raises(ValueError, match=r"slope|kind|knots"):
        Calibrator.from_json(wrong)
