"""Which rows a drift report looks at."""

import datetime as dt
from dataclasses import dataclass

import numpy as np

from shared.errors import FieldViolation

DEFAULT_LAST_COUNT = 5_000
LARGEST_LAST_COUNT = 1_000_000
SMALLEST_MAX_ROWS = 100
LARGEST_MAX_ROWS = 100_000
SAMPLE_SEED = 20_260_101


@dataclass(frozen=True)
class Window:
    """The newest `last_count` decisions made at or after `start_time` and before `end_time`; None is no bound."""

    last_count: int = DEFAULT_LAST_COUNT
    start_time: dt.datetime | None = None
    end_time: dt.datetime | None = None


def check_window(window: Window) -> list[FieldViolation]:
    """Return what is wrong with a window."""
    violations = []
    if not 1 <= window.last_count <= LARGEST_LAST_COUNT:
        violations.append(FieldViolation("window.last_count", f"is not between 1 and {LARGEST_LAST_COUNT:,}"))
    if window.start_time is not None and window.end_time is not None and window.start_time >= window.end_time:
        violations.append(FieldViolation("window.end_time", "is not after start_time"))
    return violations


def sample_positions(n_rows: int, max_rows: int, seed: int = SAMPLE_SEED) -> np.ndarray:
    """Return the ascending positions of at most `max_rows` rows, all if there are no more.

    Equal inputs give equal positions; every row is as likely as any other.
    """
    if n_rows <= max_rows:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(seed).choice(n_rows, size=max_rows, replace=False))


def check_max_rows(max_rows: int) -> list[FieldViolation]:
    """Return what is wrong with the bound on the rows of a side."""
    if SMALLEST_MAX_ROWS <= max_rows <= LARGEST_MAX_ROWS:
        return []
    return [FieldViolation("max_rows", f"is not between {SMALLEST_MAX_ROWS:,} and {LARGEST_MAX_ROWS:,}")]
