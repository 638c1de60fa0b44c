"""Experiments and runs in MLflow, as a job's process writes them; Unavailable is raised where MLflow stays away."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param

from services.trainer.adapters.patience import Patience
from shared.errors import Unavailable
from shared.mlflow_store import connect, reaching_mlflow

JOB_TAG = "counterfoil.job"
KIND_TAG = "counterfoil.kind"
# MLflow keeps 36 characters of a data set's digest.
_SHORT_DIGEST = 32


@dataclass(frozen=True)
class RunLog:
    """One open run; what is written goes to MLflow at once, or as soon as it is there."""

    client: MlflowClient
    run_id: str
    experiment_id: str
    patience: Patience

    def params(self, params: Mapping[str, object]) -> None:
        """Log parameters as text."""
        texts = [Param(name, str(value)) for name, value in params.items()]
        self._write(lambda: self.client.log_batch(self.run_id, params=texts))

    def metrics(self, metrics: Mapping[str, float]) -> None:
        """Log the metrics that are finite, all with one time."""
        moment = int(time.time() * 1000)
        finite = [Metric(name, value, moment, 0) for name, value in metrics.items() if math.isfinite(value)]
        self._write(lambda: self.client.log_batch(self.run_id, metrics=finite))

    def folder(self, folder: Path, artifact_path: str | None = None) -> None:
        """Log every file of a folder, below the artifact path if one is given."""
        self._write(lambda: self.client.log_artifacts(self.run_id, str(folder), artifact_path))

    def split(self, name: str, *, context: str, digest: str, source: str) -> None:
        """Note a split of a data set as an input of the run; its SHA-256 (hex) is cut where MLflow demands it."""
        split = Dataset(name=name, digest=digest[:_SHORT_DIGEST], source_type="counterfoil", source=source)
        tags = [InputTag("mlflow.data.context", context), InputTag("sha256", digest)]
        self._write(lambda: self.client.log_inputs(self.run_id, [DatasetInput(split, tags)]))

    def version(self) -> int | None:
        """Return the model version that was registered from the run, None if there is none."""
        with reaching_mlflow():
            found = self.client.search_model_versions(f"run_id = '{self.run_id}'", max_results=1)
        return int(found[0].version) if found else None

    def register(self, register: Callable[[], int]) -> int:
        """Return the version that was registered from the run; it is registered now if there is none."""
        return self.patience(lambda: self.version() or register())

    def close(self) -> None:
        """End the run as FINISHED."""
        self._write(lambda: self.client.set_terminated(self.run_id, "FINISHED"))

    def _write(self, write: Callable[[], object]) -> None:
        def once() -> None:
            with reaching_mlflow():
                write()

        self.patience(once)


@dataclass(frozen=True)
class Tracking:
    """MLflow as one job sees it: a job that runs again, or a call that is made again, finds what there is already."""

    client: MlflowClient
    patience: Patience

    def experiment(self, name: str) -> str:
        """Return the id of the experiment, made now if there is none."""

        def find_or_create() -> str:
            with reaching_mlflow():
                found = self.client.get_experiment_by_name(name)
                if found is not None:
                    return str(found.experiment_id)
                return str(self.client.create_experiment(name, tags={KIND_TAG: "dataset"}))

        return self.patience(find_or_create)

    @contextmanager
    def run(self, *, experiment_id: str, name: str, tags: Mapping[str, str], job: str = "") -> Iterator[RunLog]:
        """Yield the job's run in the experiment, without a job a new one.

        It ends as FINISHED, or as FAILED when the block raises.
        """
        run_id = self.patience(lambda: self._open_run(experiment_id, name, tags, job))
        run = RunLog(self.client, run_id, experiment_id, self.patience)
        try:
            yield run
        except BaseException:
            # Whatever ends the block, an exit of the process included, nobody works on the run any more. Where MLflow
            # is away, what ended the block is still what must be told; the service closes the run when the job has
            # ended.
            with suppress(Unavailable), reaching_mlflow():
                self.client.set_terminated(run_id, "FAILED")
            raise
        run.close()

    def fetch(self, run_id: str, artifact: str, folder: Path) -> Path:
        """Return a copy of a run's artifact below the folder."""
        return self.patience(lambda: fetch_artifact(self.client, run_id, artifact, folder))

    def _open_run(self, experiment_id: str, name: str, tags: Mapping[str, str], job: str) -> str:
        with reaching_mlflow():
            run_id = self._run_of(experiment_id, job) if job else None
            if run_id is not None:
                self.client.update_run(run_id, status="RUNNING")
                return run_id
            all_tags = {**tags, JOB_TAG: job} if job else dict(tags)
            return str(self.client.create_run(experiment_id, run_name=name, tags=all_tags).info.run_id)

    def _run_of(self, experiment_id: str, job: str) -> str | None:
        found = self.client.search_runs([experiment_id], f"tags.`{JOB_TAG}` = '{job}'", max_results=1)
        return str(found[0].info.run_id) if found else None


def open_tracking(uri: str, artifacts: Path, patience: Patience) -> Tracking:
    """Return the MLflow that the settings name; it is made this process's own."""
    with reaching_mlflow():
        connect(uri, artifacts)
        return Tracking(MlflowClient(tracking_uri=uri, registry_uri=uri), patience)


def fetch_artifact(client: MlflowClient, run_id: str, artifact: str, folder: Path) -> Path:
    """Return a copy of a run's artifact below the folder."""
    # Without a destination MLflow hands out the store's own file.
    with reaching_mlflow():
        return Path(client.download_artifacts(run_id, artifact, str(folder)))
