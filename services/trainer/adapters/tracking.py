"""Experiments and runs in MLflow, as a job's process writes them; every call raises Unavailable where MLflow fails."""

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param

from shared.errors import Unavailable
from shared.mlflow_store import connect, reaching_mlflow

JOB_TAG = "counterfoil.job"
KIND_TAG = "counterfoil.kind"
# MLflow keeps 36 characters of a data set's digest.
_SHORT_DIGEST = 32


@dataclass(frozen=True)
class RunLog:
    """One open run; what is written goes to MLflow at once."""

    client: MlflowClient
    run_id: str
    experiment_id: str

    def params(self, params: Mapping[str, object]) -> None:
        """Log parameters as text."""
        with reaching_mlflow():
            self.client.log_batch(self.run_id, params=[Param(name, str(value)) for name, value in params.items()])

    def metrics(self, metrics: Mapping[str, float]) -> None:
        """Log the metrics that are finite, all with one time."""
        moment = int(time.time() * 1000)
        finite = [Metric(name, value, moment, 0) for name, value in metrics.items() if math.isfinite(value)]
        with reaching_mlflow():
            self.client.log_batch(self.run_id, metrics=finite)

    def folder(self, folder: Path, artifact_path: str | None = None) -> None:
        """Log every file of a folder, below the artifact path if one is given."""
        with reaching_mlflow():
            self.client.log_artifacts(self.run_id, str(folder), artifact_path)

    def split(self, name: str, *, context: str, digest: str, source: str) -> None:
        """Note a split of a data set as an input of the run; its SHA-256 (hex) is cut where MLflow demands it."""
        split = Dataset(name=name, digest=digest[:_SHORT_DIGEST], source_type="counterfoil", source=source)
        tags = [InputTag("mlflow.data.context", context), InputTag("sha256", digest)]
        with reaching_mlflow():
            self.client.log_inputs(self.run_id, [DatasetInput(split, tags)])


def open_tracking(uri: str, artifacts: Path) -> MlflowClient:
    """Return a client of the MLflow that the settings name; it is made this process's own."""
    with reaching_mlflow():
        connect(uri, artifacts)
        return MlflowClient(tracking_uri=uri, registry_uri=uri)


def create_experiment(client: MlflowClient, name: str) -> str:
    """Return the id of a new experiment."""
    with reaching_mlflow():
        return str(client.create_experiment(name, tags={KIND_TAG: "dataset"}))


@contextmanager
def open_run(client: MlflowClient, *, experiment_id: str, name: str, tags: Mapping[str, str]) -> Iterator[RunLog]:
    """Yield a new run that ends as FINISHED, or as FAILED when the block raises."""
    with reaching_mlflow():
        run_id = str(client.create_run(experiment_id, run_name=name, tags=dict(tags)).info.run_id)
    try:
        yield RunLog(client, run_id, experiment_id)
    except BaseException:
        # Whatever ends the block, an exit of the process included, nobody works on the run any more. Where MLflow is
        # away, what ended the block is still what must be told; the service closes the run when the job has ended.
        with suppress(Unavailable), reaching_mlflow():
            client.set_terminated(run_id, "FAILED")
        raise
    with reaching_mlflow():
        client.set_terminated(run_id, "FINISHED")


def fetch_artifact(client: MlflowClient, run_id: str, artifact: str, folder: Path) -> Path:
    """Return a copy of a run's artifact below the folder."""
    # Without a destination MLflow hands out the store's own file.
    with reaching_mlflow():
        return Path(client.download_artifacts(run_id, artifact, str(folder)))
