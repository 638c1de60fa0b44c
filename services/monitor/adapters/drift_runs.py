"""Drift reports in MLflow: one run each, in the experiment of the data set that they compare with."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow.client import MlflowClient

from services.monitor.domain.drift import DriftResult, Verdict
from services.monitor.domain.model import ModelFacts
from shared.mlflow_store import reaching_mlflow

KIND_TAG = "counterfoil.kind"
KIND = "drift"


class DriftRuns:
    """Writes runs to the MLflow of a URI."""

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def log(self, report_id: str, model: ModelFacts, result: DriftResult, documents: Path) -> str:
        """Log the figures and the files of a folder as a finished run and return the run's id.

        Raises Unavailable (MLFLOW_UNAVAILABLE).
        """
        tags = {
            KIND_TAG: KIND,
            "counterfoil.drift_report": f"driftReports/{report_id}",
            "counterfoil.model_version": model.model_version,
            "counterfoil.outcome": result.outcome,
        }
        with reaching_mlflow():
            client = MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)
            run = client.create_run(model.dataset.experiment_id, tags=tags, run_name=f"drift {report_id}")
            with _ending(client, run.info.run_id):
                for name, value in _figures(result).items():
                    client.log_metric(run.info.run_id, name, value)
                client.log_artifacts(run.info.run_id, str(documents), artifact_path="drift")
        return str(run.info.run_id)


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
