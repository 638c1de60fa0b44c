"""A short run of what `make reliability` does at length: a trainer that is killed ends its trainings all the same."""

from pathlib import Path

from counterfoil.types.v1 import job_pb2
from tests.interrupting import embedded_workplace, kill_while_tuning


def test_a_trainer_that_is_killed_ends_its_trainings_as_if_it_had_not_been(tmp_path: Path) -> None:
    """Model, threshold, metrics and trials are those of a training that nobody disturbed; one version each."""
    with embedded_workplace(tmp_path) as workplace:
        jobs = kill_while_tuning(workplace, kills=1, seed=2)

    assert [job.job.state for job in jobs] == [job_pb2.JOB_STATE_SUCCEEDED]
