"""A short calibration benchmark: fewer applicants to train on and fewer trees, as many held out."""

import pytest

from benchmarks.calibration import HELD_OUT, IMBALANCES, LARGEST_ERROR, measure, synthesized
from services.trainer.domain.dataset import LabelledRows
from services.trainer.domain.imbalance import Imbalance


@pytest.fixture(scope="module")
def applicants() -> tuple[LabelledRows, LabelledRows]:
    """Return applicants to train on and the others."""
    return synthesized(8_000, HELD_OUT, seed=3)


@pytest.mark.parametrize("imbalance", IMBALANCES)
def test_probabilities_of_unseen_applicants_mean_what_they_say(
    applicants: tuple[LabelledRows, LabelledRows], imbalance: Imbalance
) -> None:
    """Over ten bins of equally many applicants the mean probability misses the share of defaults by 1 % at most."""
    train, held_out = applicants

    error = measure(train, held_out, imbalance, seed=3, grid={"n_estimators": (60,), "learning_rate": (0.1,)})

    assert (len(train.targets), len(held_out.targets)) == (8_000, 20_000)
    assert error <= LARGEST_ERROR
