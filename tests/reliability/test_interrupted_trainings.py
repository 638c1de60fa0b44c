"""Jobs that survive, at length: the trainer is killed at twenty random moments of tuning jobs."""

from dataclasses import replace
from pathlib import Path

import pytest

from counterfoil.types.v1 import job_pb2
from shared.mlflow_store import prepare
from tests.adapters.mlflow_stores import MlflowStore, connected
from tests.interrupting import Workplace, kill_while_tuning
from tests.service.trainer import TABLES, settings_in
from tests.synthetic_tables import write_tables

pytestmark = pytest.mark.reliability


def test_twenty_kills_lose_no_training(tmp_path: Path) -> None:
    """Each ends as an undisturbed one, to the bit, with one registered version."""
    settings = replace(settings_in(tmp_path), log_level="INFO")
    write_tables(settings.tables_root / TABLES)

    with connected(MlflowStore(settings.mlflow_uri, settings.mlflow_artifacts)):
        prepare(settings.mlflow_uri, settings.mlflow_artifacts)
        workplace = Workplace(settings, tmp_path)
        try:
            jobs = kill_while_tuning(workplace, kills=20, seed=7)
        finally:
            workplace.close()

    assert [job.job.state for job in jobs] == [job_pb2.JOB_STATE_SUCCEEDED] * 20
    assert max(job.job.attempt for job in jobs) == 2
