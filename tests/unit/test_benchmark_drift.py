"""benchmarks.drift on a tenth of its data: windows shift by what they are to shift, and verdicts follow."""

import numpy as np
import pytest

from benchmarks.drift_data import MISSING_BEFORE, Training, shifted_rows, synthesized
from benchmarks.drift_windows import false_alarms, missing_found, shifts_found
from services.monitor.domain.drift_judging import DriftLimits
from services.monitor.domain.reference import Reference

WINDOWS = 20


@pytest.fixture(scope="module")
def training() -> Training:
    """Return 5,000 applicants with 40 features."""
    return synthesized(5_000, 40, seed=1)


@pytest.mark.parametrize("psi", [0.05, 0.2, 1.0])
def test_shifted_rows_lie_apart_by_the_index_that_was_asked_for(training: Training, psi: float) -> None:
    """Measured in the bins of the profile; the share of missing values stays."""
    random = np.random.default_rng(2)
    column, profile = training.values[:, training.hidden], training.facts.profile.features[training.hidden]

    rows = shifted_rows(column, profile, psi=psi, rows=200_000, random=random)

    known = column[rows][~np.isnan(column[rows])]
    now = np.bincount(np.searchsorted(profile.edges, known), minlength=len(profile.counts)) / len(known)
    before = np.array(profile.counts) / sum(profile.counts)
    assert float(((now - before) * np.log(now / before)).sum()) == pytest.approx(psi, rel=0.05)
    assert 1 - len(known) / len(rows) == pytest.approx(MISSING_BEFORE, abs=0.02)


def test_verdicts_hold_on_a_few_windows(training: Training) -> None:
    """No alarm about the training data itself, and what has shifted is found."""
    random, reference = np.random.default_rng(3), Reference.of(training.facts)

    alarms = false_alarms(training, reference, DriftLimits(), rows=500, windows=WINDOWS, random=random)
    shifts = shifts_found(training, reference, windows=WINDOWS, random=random)
    lost = missing_found(training, reference, rows=500, windows=WINDOWS, random=random)

    assert (alarms, shifts, lost) == (0.0, 1.0, 1.0)
