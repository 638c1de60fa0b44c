"""The promise that matters most, at length: no answer without a durable record."""

from pathlib import Path

import pytest

from tests.killing import kill_under_load

pytestmark = pytest.mark.reliability


@pytest.mark.parametrize("seed", [1, 2])
def test_twenty_five_kills_under_load_break_no_promise(tmp_path: Path, seed: int) -> None:
    """The scorer is killed 20 times and the monitor 5 times: every answer is in the log, none twice, no gap."""
    promises = kill_under_load(tmp_path, scorer_kills=20, monitor_kills=5, seed=seed)

    assert len(promises) > 500
