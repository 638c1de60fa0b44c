"""Evidently itself, on columns that its histograms would choke on."""

import warnings

import numpy as np
import polars as pl
import pytest

from services.monitor.domain.drift import DriftBounds

N_ROWS = 1_200  # above 1,000 Evidently turns from p-values to distances


@pytest.fixture(scope="module")
def compared() -> dict[str, bool]:
    """Return whether each column drifted by Evidently."""
    # Imported here: it takes seconds and warns of its own dependencies, neither of which is other tests' matter.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from services.monitor.adapters.evidently_comparer import EvidentlyComparer

    generator = np.random.default_rng(3)
    values = generator.normal(size=N_ROWS)
    reference = {"plain": values, "last bits": 0.3 + generator.integers(0, 7, N_ROWS) * np.spacing(0.3), "far": values}
    current = {**reference, "plain": values[::-1], "far": np.where(values > 1, 1.7e308, -1.7e308)}
    comparisons, _ = EvidentlyComparer().compare(
        pl.DataFrame(current), pl.DataFrame(reference), frozenset(), DriftBounds()
    )
    return {column: comparison.drifted for column, comparison in comparisons.items()}


def test_values_that_differ_in_their_last_bits_are_compared(compared: dict[str, bool]) -> None:
    """A ratio that is always the same leaves such a column behind; no histogram has ten bins for it."""
    assert not compared["last bits"]


def test_values_as_large_as_numbers_get_are_compared(compared: dict[str, bool]) -> None:
    """One caller's absurd value must not keep every other column from being looked at."""
    assert compared["far"]
    assert not compared["plain"]
