"""A short run of what `make reliability` does at length: a trainer that is killed ends its trainings all the same."""

from dataclasses import replace
from pathlib import Path

from counterfoil.types.v1 import job_pb2
from shared.mlflow_store import prepare
from tests.adapters.mlflow_stores import MlflowStore, connected
from tests.interrupting import Workplace, kill_while_tuning
from tests.service.trainer import TABLES, settings_in
from tests.synthetic_tables import write_tables


def test_a_trainer_that_is_killed_ends_its_trainings_as_if_it_had_not_been(tmp_path: Path) -> None:
    """Model, threshold, metrics and trials are those of a training that nobody disturbed; one version each."""
    settings = replace(settings_in(tmp_path), log_level="INFO")
    write_tables(settings.tables_root / TABLES)

    with connected(MlflowStore(settings.mlflow_uri, settings.mlflow_artifacts)):
        prepare(settings.mlflow_uri, settings.mlflow_artifacts)
        workplace = Workplace(settings, tmp_path)
        try:
            jobs = kill_while_tuning(workplace, kills=2, seed=2)
        finally:
            workplace.close()

    assert [job.job.state for job in jobs] == [job_pb2.JOB_STATE_SUCCEEDED] * 2
