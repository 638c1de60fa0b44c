"""Evidently itself, on columns that its histograms would choke on."""

import warnings

import numpy as np
import polars as pl
import pytest

from services.monitor.domain.documents import compose
from services.monitor.domain.drift import DriftBounds, conclude, screen
from services.monitor.domain.report import AskedReport

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
        pl.DataFrame(current), pl.DataFrame(reference), frozenset(), DriftBounds(), None
    )
    return {column: comparison.drifted for column, comparison in comparisons.items()}


def test_values_that_differ_in_their_last_bits_are_compared(compared: dict[str, bool]) -> None:
    """A ratio that is always the same leaves such a column behind; no histogram has ten bins for it."""
    assert not compared["last bits"]


def test_values_as_large_as_numbers_get_are_compared(compared: dict[str, bool]) -> None:
    """One caller's absurd value must not keep every other column from being looked at."""
    assert compared["far"]
    assert not compared["plain"]


@pytest.mark.timeout(120)
def test_page_of_a_wide_table_stays_small_unless_all_of_it_is_asked_for() -> None:
    """Drifted columns are drawn first, every column is compared and in the JSON."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from services.monitor.adapters.evidently_comparer import EvidentlyComparer

    generator = np.random.default_rng(4)
    names = [f"A_RATHER_LONG_NAME_OF_A_FEATURE_NUMBER_{place}" for place in range(60)]
    reference = pl.DataFrame({name: generator.lognormal(size=N_ROWS) for name in names})
    current = reference.with_columns(pl.col(names[50]) * 3.0)
    asked = AskedReport("models/m/versions/1", None)

    comparisons, documents = EvidentlyComparer().compare(
        current, reference, frozenset(), DriftBounds(), asked.most_drawn
    )
    result = conclude(
        screen(current, reference, DriftBounds()),
        comparisons,
        current_rows=N_ROWS,
        reference_rows=N_ROWS,
        bounds=DriftBounds(),
    )
    page = compose("Drift", result, documents).html

    assert list(comparisons) == names
    assert documents.drawn == (names[50], *names[:9])
    assert len(page.encode()) < 5_000_000
    assert page.count(f"<td>{names[59]}</td>") == 1
    assert documents.json.count(names[59]) > 0
