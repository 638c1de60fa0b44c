"""The scorer killed a hundred times under every kind of call, alone and in part, and stopped a dozen times."""

from pathlib import Path

import pytest

from tests.scorer_killing import kill_scorer, kill_workers, restart_scorer

pytestmark = pytest.mark.reliability
METHODS = {"Score", "BatchScore", "StreamScore", "ScoreDataset"}


def test_a_hundred_kills_break_no_promise(tmp_path: Path) -> None:
    """Every acknowledged answer is in the log once, no question has two, and the chain has no gap."""
    account = kill_scorer(tmp_path, kills=100, seed=1)

    assert set(account.records) == METHODS
    assert len(account.promises) > 10_000
    assert len(account.instances) == 1


def test_workers_killed_in_part_break_no_promise(tmp_path: Path) -> None:
    """The others go on, each kill is made good by a new worker on the same spool, no question has an answer of two."""
    account = kill_workers(tmp_path, workers=3, kills=12, seed=2)

    assert set(account.records) == METHODS
    assert len(account.instances) == 3


@pytest.mark.parametrize("workers", [1, 2])
def test_stops_under_load_end_well_and_break_no_promise(tmp_path: Path, workers: int) -> None:
    """SIGTERM, as at every new release: each process ends with 0, and what was told is kept."""
    account = restart_scorer(tmp_path, workers=workers, stops=6, seed=3)

    assert set(account.records) == METHODS
    assert len(account.instances) == workers
