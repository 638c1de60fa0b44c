"""Drift reports in MLflow: one run each, in an experiment of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow.client import MlflowClient
from mlflow.exceptions import MlflowException

from services.monitor.domain.drift import DriftResult, Verdict
from services.monitor.domain.model import ModelFacts
from shared.mlflow_store import connect, reaching_mlflow

EXPERIMENT = "drift-reports"
KIND_TAG = "counterfoil.kind"
KIND = "drift"


class DriftRuns:
    """Writes runs to the MLflow of a URI; `artifacts` is where an embedded one keeps what is logged."""

    def __init__(self, uri: str, artifacts: Path) -> None:
        self._uri = uri
        self._artifacts = artifacts

    def log(self, report_id: str, model: ModelFacts, result: DriftResult, documents: Path) -> str:
        """Log the figures and the files of a folder as a finished run and return the run's id.

        Runs that are open already are marked as KILLED: a process that was cancelled left them. One that another
        monitor is writing right now becomes FINISHED all the same. Raises Unavailable (MLFLOW_UNAVAILABLE).
        """
        tags = {
            KIND_TAG: KIND,
            "counterfoil.drift_report": f"driftReports/{report_id}",
            "counterfoil.model_version": model.model_version,
            "counterfoil.outcome": result.outcome,
        }
        with reaching_mlflow():
            connect(self._uri, self._artifacts)
            client = MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)
            experiment = _experiment(client)
            _close_left_open(client, experiment)
            run = client.create_run(experiment, tags=tags, run_name=f"drift {report_id}")
            with _ending(client, run.info.run_id):
                for name, value in _figures(result).items():
                    client.log_metric(run.info.run_id, name, value)
                client.log_artifacts(run.info.run_id, str(documents), artifact_path="drift")
        return str(run.info.run_id)


def _experiment(client: MlflowClient) -> str:
    """Return the id of the experiment, made if there is none and restored if it was deleted: names stay taken."""
    try:
        return str(client.create_experiment(EXPERIMENT, tags={KIND_TAG: KIND}))
    except MlflowException:
        found = client.get_experiment_by_name(EXPERIMENT)
        if found is None:
            raise
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)


def _close_left_open(client: MlflowClient, experiment: str) -> None:
    for run in client.search_runs([experiment], filter_string="attributes.status = 'RUNNING'"):
        client.set_terminated(run.info.run_id, "KILLED")


@contextmanager
def _ending(client: MlflowClient, run_id: str) -> Iterator[None]:
    """Leave the run finished, or failed if the block raises."""
    try:
        yield
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, "FINISHED")


def _figures(result: DriftResult) -> dict[str, float]:
    compared = [column for column in result.columns if column.comparison is not None]
    figures = {
        "reference_rows": result.reference_rows,
        "current_rows": result.current_rows,
        "columns_compared": len(compared),
        "columns_drifted": sum(column.verdict is Verdict.DRIFTED for column in compared),
    }
    share = {} if result.drifted_share is None else {"drifted_share": result.drifted_share}
    return {**figures, **share}
