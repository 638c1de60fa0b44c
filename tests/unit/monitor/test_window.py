"""Which rows a report looks at."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.monitor.domain.window import Window, check_max_rows, check_window, sample_positions

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@given(n_rows=st.integers(0, 3_000), max_rows=st.integers(1, 500))
def test_a_sample_is_bounded_ascending_and_repeatable(n_rows: int, max_rows: int) -> None:
    """Two reports on the same rows must say the same."""
    positions = sample_positions(n_rows, max_rows)

    assert len(positions) == min(n_rows, max_rows)
    assert np.all(np.diff(positions) > 0)
    assert np.array_equal(positions, sample_positions(n_rows, max_rows))
    assert not len(positions) or (positions[0] >= 0 and positions[-1] < n_rows)


def test_a_sample_spreads_over_all_rows() -> None:
    """A sample that took the first rows would look at the oldest alone."""
    positions = sample_positions(10_000, 1_000)

    assert abs(positions.mean() - 5_000) < 300


@pytest.mark.parametrize(
    ("window", "fields"),
    [
        (Window(), []),
        (Window(1_000_000, NOON, NOON + dt.timedelta(seconds=1)), []),
        (Window(0), ["window.last_count"]),
        (Window(1_000_001), ["window.last_count"]),
        (Window(5, NOON, NOON), ["window.end_time"]),
        (Window(-1, NOON, NOON - dt.timedelta(days=1)), ["window.last_count", "window.end_time"]),
    ],
)
def test_every_bound_that_a_window_oversteps_is_named(window: Window, fields: list[str]) -> None:
    """A caller learns of all mistakes at once."""
    assert [violation.field for violation in check_window(window)] == fields


@pytest.mark.parametrize(("max_rows", "wrong"), [(99, True), (100, False), (100_000, False), (100_001, True)])
def test_the_rows_of_a_side_are_bounded(max_rows: int, *, wrong: bool) -> None:
    """Fewer say nothing, more take hours."""
    assert bool(check_max_rows(max_rows)) is wrong
