"""The promise that matters most, at length: no answer without a durable record."""

from pathlib import Path

import pytest

from tests.killing import kill_under_load

pytestmark = pytest.mark.reliability


@pytest.mark.timeout(3600)
def test_a_hundred_kills_over_a_lossy_link_break_no_promise(tmp_path: Path) -> None:
    """Scorer and monitor are killed in turn: every answer is in the log, none twice, no gap, and all of it proven."""
    account = kill_under_load(tmp_path, victims=["scorer", "monitor"] * 50, seed=1)

    assert len(account.promises) > 2_000
    assert account.cuts > 20
