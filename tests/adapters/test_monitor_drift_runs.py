"""The runs of drift reports in a real MLflow."""

from pathlib import Path

from services.monitor.adapters.drift_runs import EXPERIMENT, DriftRuns
from services.monitor.domain.drift import DriftBounds, DriftResult, Outcome
from tests.adapters.mlflow_stores import MlflowStore
from tests.unit.monitor.models import model_facts

RESULT = DriftResult(Outcome.NO_COLUMNS, reference_rows=200, current_rows=300, bounds=DriftBounds(), columns=())


def test_reports_share_an_experiment_that_outlives_its_deletion(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    """MLflow never gives a deleted experiment's name away again, so it is restored."""
    runs = DriftRuns(mlflow_store.uri, mlflow_store.artifacts)
    first = mlflow_store.client.get_run(runs.log("dr-1", model_facts(), RESULT, tmp_path))
    mlflow_store.client.delete_experiment(first.info.experiment_id)

    second = mlflow_store.client.get_run(runs.log("dr-2", model_facts(), RESULT, tmp_path))

    experiment = mlflow_store.client.get_experiment(second.info.experiment_id)
    assert (experiment.name, experiment.lifecycle_stage) == (EXPERIMENT, "active")
    assert second.info.experiment_id == first.info.experiment_id
    assert second.data.metrics["current_rows"] == 300


def test_a_run_that_a_cancelled_report_left_open_is_closed_by_the_next(
    mlflow_store: MlflowStore, tmp_path: Path
) -> None:
    """Nothing of it would ever end otherwise."""
    runs = DriftRuns(mlflow_store.uri, mlflow_store.artifacts)
    done = mlflow_store.client.get_run(runs.log("dr-3", model_facts(), RESULT, tmp_path))
    left = mlflow_store.client.create_run(done.info.experiment_id)

    runs.log("dr-4", model_facts(), RESULT, tmp_path)

    assert mlflow_store.client.get_run(left.info.run_id).info.status == "KILLED"
    assert mlflow_store.client.get_run(done.info.run_id).info.status == "FINISHED"
