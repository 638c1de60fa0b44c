"""Synthetic applicants lie between real ones of the rarer class, and real ones stay as they are."""

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from services.trainer.domain.imbalance import Imbalance, bytes_needed, categorical_columns
from services.trainer.domain.oversampling import oversample
from shared.errors import Precondition

_SMOTES = [Imbalance.SMOTE, Imbalance.SMOTENC]


def _applicants(rows: int = 90, *, numbers: int = 2, flags: int = 2) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Return numbers, amounts before the others, then flags; a ninth default."""
    random = np.random.default_rng(0)
    values = np.hstack([random.normal(size=(rows, numbers)), random.integers(0, 2, (rows, flags)).astype(float)])
    values[:, 0] *= 1e6
    return values, (np.arange(rows) % 9 == 0).astype(np.int8)


@pytest.mark.parametrize("imbalance", _SMOTES)
def test_both_classes_are_equally_large_and_real_rows_come_first(imbalance: Imbalance) -> None:
    """To the bit as they were, and every synthetic row is of the rarer class."""
    values, targets = _applicants()

    grown, classes = oversample(values, targets, imbalance=imbalance, neighbours=3, seed=1)

    assert np.bincount(classes).tolist() == [80, 80]
    assert grown[:90].tobytes() == values.tobytes()
    assert (classes[:90] == targets).all()
    assert (classes[90:] == 1).all()


@pytest.mark.parametrize("imbalance", _SMOTES)
def test_the_same_seed_makes_up_the_same_rows(imbalance: Imbalance) -> None:
    """Another one makes up others."""
    values, targets = _applicants()

    first, again, other = (
        oversample(values, targets, imbalance=imbalance, neighbours=3, seed=seed)[0] for seed in (1, 1, 2)
    )

    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_synthetic_rows_lie_on_lines_between_defaults() -> None:
    """No value is larger or smaller than a real default's, and the ratio is one for all columns of a row."""
    values, targets = _applicants(flags=0)
    defaults = values[targets == 1]

    grown, _ = oversample(values, targets, imbalance=Imbalance.SMOTE, neighbours=3, seed=1)

    for row in grown[90:]:
        offsets = row - defaults
        spans = defaults[np.newaxis] - defaults[:, np.newaxis]
        crossed = np.abs(offsets[:, np.newaxis, 0] * spans[..., 1] - offsets[:, np.newaxis, 1] * spans[..., 0])
        np.fill_diagonal(crossed, np.inf)
        assert crossed.min() <= 1e-6 * np.abs(defaults[:, 0]).max()


def test_no_unit_decides_who_is_a_neighbour() -> None:
    """An amount in cents instead of millions makes up the same applicants."""
    values, targets = _applicants()
    factors = np.array([1e-6, 1.0, 1.0, 1.0])

    large, _ = oversample(values, targets, imbalance=Imbalance.SMOTE, neighbours=3, seed=1)
    small, _ = oversample(values * factors, targets, imbalance=Imbalance.SMOTE, neighbours=3, seed=1)

    assert small == pytest.approx(large * factors)


def test_flags_stay_flags_with_smotenc_alone() -> None:
    """SMOTE leaves applicants who are women by a third."""
    values, targets = _applicants()

    between, _ = oversample(values, targets, imbalance=Imbalance.SMOTE, neighbours=3, seed=1)
    either, _ = oversample(values, targets, imbalance=Imbalance.SMOTENC, neighbours=3, seed=1)

    assert set(either[90:, 2:].ravel()) == {0.0, 1.0}
    assert not set(between[90:, 2:].ravel()) <= {0.0, 1.0}
    assert len(set(either[90:, 0])) > 10


def test_smotenc_without_a_flag_is_smote() -> None:
    """There is nothing to keep whole."""
    values, targets = _applicants(flags=0)

    rows = [oversample(values, targets, imbalance=each, neighbours=3, seed=1)[0].tobytes() for each in _SMOTES]

    assert rows[0] == rows[1]


def test_smotenc_of_flags_alone_is_refused() -> None:
    """It measures how far applicants are from each other by numbers."""
    values, targets = _applicants(numbers=1)

    with pytest.raises(Precondition) as refusal:
        oversample(values[:, 1:], targets, imbalance=Imbalance.SMOTENC, neighbours=3, seed=1)

    assert refusal.value.reason == "SMOTENC_NEEDS_NUMBERS"


@pytest.mark.parametrize("imbalance", _SMOTES)
def test_the_memory_that_was_estimated_is_what_it_takes(imbalance: Imbalance) -> None:
    """Not less than is needed, or the process dies; not much more, or work is refused that would fit."""
    values, targets = _applicants(1800, numbers=12, flags=12)
    estimate = bytes_needed(
        imbalance,
        rows=1800,
        rarest=int(targets.sum()),
        columns=24,
        categorical=int(categorical_columns(values).sum()),
        neighbours=20,
    )

    tracemalloc.start()
    oversample(values, targets, imbalance=imbalance, neighbours=20, seed=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert 0.98 * peak <= estimate <= 1.5 * peak
