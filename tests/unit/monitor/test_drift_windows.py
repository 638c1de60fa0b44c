"""Windows hold what they say, however decisions arrive, in memory that does not grow with their number."""

import numpy as np
import pytest

from services.monitor.domain.drift_verdict import WindowKind
from services.monitor.domain.drift_windows import DriftWindows, WindowLengths, check_lengths
from services.monitor.domain.reference import Reference
from tests.unit.monitor.references import decided, trained, training

NOW = 1_700_000_000.0 // 86_400 * 86_400 + 43_200  # noon of a day
HOUR, DAY = 3_600.0, 86_400.0
LAST, HOURS, DAYS, PROMOTION = WindowKind


def _windows(lengths: WindowLengths | None = None) -> DriftWindows:
    return DriftWindows(Reference.of(trained()).bins, lengths or WindowLengths())


def _rows(windows: DriftWindows) -> dict[WindowKind, int]:
    return {window: found.sketch.rows for window, found in windows.counted().items()}


def test_each_window_holds_its_own_decisions() -> None:
    """Of a month and two days ago, of two days, two hours and a minute ago."""
    windows = _windows()

    for age in (32 * DAY, 2 * DAY, 2 * HOUR, 60.0):
        windows.add(decided(training(10), start=NOW - age), NOW)

    assert _rows(windows) == {LAST: 40, HOURS: 20, DAYS: 30, PROMOTION: 40}
    starts = {window: found.start_time for window, found in windows.counted().items()}
    assert starts == {LAST: NOW - 32 * DAY, HOURS: NOW - 2 * HOUR, DAYS: NOW - 2 * DAY, PROMOTION: NOW - 32 * DAY}


def test_windows_of_time_move_on_without_new_decisions() -> None:
    """What was of the last hours this morning is not tonight."""
    windows = _windows()
    windows.add(decided(training(10), start=NOW), NOW + 60)

    windows.forget(NOW + 25 * HOUR)
    after_a_day = _rows(windows)
    windows.forget(NOW + 31 * DAY)

    assert (after_a_day[HOURS], after_a_day[DAYS]) == (0, 10)
    assert (_rows(windows)[DAYS], _rows(windows)[LAST]) == (0, 10)


@pytest.mark.parametrize("batch", [1, 7, 64, 1_000])
def test_last_decisions_are_as_many_as_asked_and_a_tenth_more_at_most(batch: int) -> None:
    """Whatever they arrive in."""
    windows = _windows(WindowLengths(last_count=100))
    values = training(1_000)

    for start in range(0, 1_000, batch):
        windows.add(decided(values[start : start + batch], start=NOW + start), NOW + 2_000)

    last = windows.counted()[LAST]
    assert 100 <= last.sketch.rows <= 110
    assert last.start_time == NOW + 1_000 - last.sketch.rows


def test_decisions_are_counted_once_in_whatever_order_they_arrive() -> None:
    """Segments of several scorers come mixed, and a spool may drain hours late."""
    values, windows, mixed = training(600), _windows(), _windows()
    order = np.random.default_rng(3).permutation(600)
    ordered = decided(values, start=NOW - 600)

    windows.add(ordered, NOW)
    for part in np.array_split(order, 5):
        mixed.add(ordered.take(part), NOW)

    for window in WindowKind:
        one, other = windows.counted()[window].sketch, mixed.counted()[window].sketch
        assert one.rows == other.rows == 600
        assert np.array_equal(one.counts, other.counts)


def test_decision_from_the_future_is_one_of_now() -> None:
    """A scorer's wrong clock must neither hide its decisions nor keep buckets alive for centuries."""
    windows = _windows()

    windows.add(decided(training(5), start=NOW + 400 * DAY), NOW)
    windows.forget(NOW + 32 * DAY)

    assert _rows(windows)[DAYS] == 0
    assert windows.counted()[LAST].start_time == NOW


def test_promotion_begins_a_window() -> None:
    """What was decided before does not count, also where both arrive at once."""
    windows = _windows()
    windows.promote(NOW + 50)
    windows.add(decided(training(100), start=NOW), NOW + 100)

    assert windows.counted()[PROMOTION].sketch.rows == 50
    assert windows.counted()[PROMOTION].start_time == NOW + 50


def test_promotion_anew_begins_the_window_anew() -> None:
    """With the days since then that are known already."""
    windows = _windows()
    for age in (3, 2, 1):
        windows.add(decided(training(10), start=NOW - age * DAY), NOW)

    windows.promote(NOW - 2 * DAY - HOUR)
    windows.promote(NOW - 2 * DAY - HOUR)

    assert _rows(windows)[PROMOTION] == 20


def test_erased_decisions_leave_no_trace() -> None:
    """Not even of when they were made."""
    windows = _windows()

    windows.add(decided(np.full((5, training(1).shape[1]), np.nan), start=NOW), NOW)

    assert set(_rows(windows).values()) == {0}
    assert np.isinf(windows.counted()[LAST].start_time)


def test_lengths_out_of_bounds_are_named() -> None:
    """All of them at once."""
    violations = check_lengths(WindowLengths(last_count=10, last_hours=0.0, last_days=1_000))

    assert [each.field for each in violations] == ["last_count", "last_hours", "last_days"]
    assert not check_lengths(WindowLengths())
