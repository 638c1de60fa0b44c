"""Jobs that survive, at length: the trainer is killed at twenty random moments of tuning jobs."""

from pathlib import Path

import pytest

from counterfoil.types.v1 import job_pb2
from tests.interrupting import embedded_workplace, kill_while_tuning

pytestmark = pytest.mark.reliability


def test_twenty_kills_lose_no_training(tmp_path: Path) -> None:
    """Each ends as an undisturbed one, to the bit, with one registered version."""
    with embedded_workplace(tmp_path) as workplace:
        jobs = kill_while_tuning(workplace, kills=20, seed=7)

    assert [job.job.state for job in jobs] == [job_pb2.JOB_STATE_SUCCEEDED] * 20
    assert max(job.job.attempt for job in jobs) == 2
