"""The model registry, opened behind the server's back, and what is left to do there when a job has ended."""

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from services.trainer.domain.versions import VersionRegistry
from services.trainer.kinds import TRAINING
from services.trainer.settings import Settings
from services.trainer.training_messages import plan_from_payload
from shared.bundle.dataset import DatasetReference
from shared.bundle.registry import ModelRegistry
from shared.errors import Unavailable
from shared.jobs.store import Job, JobState
from shared.mlflow_store import quieten

_LOGGER = logging.getLogger("counterfoil.trainer")


class FollowUp:
    """Opens the registry and clears up after jobs on a thread of its own; safe to use by many threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry: VersionRegistry | None = None
        self._cache = settings.state_dir / "trainer" / "cache"
        # Opens nothing by itself.
        self._files = ModelRegistry(settings.mlflow_uri, cache=self._cache)
        self._opening = threading.Lock()
        self._at_database = threading.Lock()
        self._stopped = False
        self._clearing: list[Future[None]] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mlflow")

    def start(self) -> None:
        """Begin to open the registry, which takes seconds."""
        self._thread.submit(self.versions).add_done_callback(self._log_failure)

    def versions(self) -> VersionRegistry:
        """Return the registry as soon as it is open; raises Unavailable where it cannot be opened this time."""
        with self._opening:
            if self._registry is None:
                self._registry = self._open()
            return self._registry

    def fetch_split(self, dataset: DatasetReference, split: str) -> Path:
        """Return the file of a data set's split in the cache, its digest checked just now.

        Raises what `versions` and `ModelRegistry.fetch_split` raise.
        """
        self.versions()
        return self._files.fetch_split(dataset, split)

    def job_ended(self, job: Job) -> None:
        """Close in MLflow, soon, what a job that did not succeed left open there."""
        if job.state is not JobState.SUCCEEDED:
            clearing = self._thread.submit(self._clear_up, job)
            clearing.add_done_callback(self._log_failure)
            self._clearing = [*(begun for begun in self._clearing if not begun.done()), clearing]

    def stop(self) -> None:
        """Return when ended jobs are cleared up after and the registry's database is left alone.

        An import of MLflow that nothing waits for goes on, and opens nothing: it ends with the process.
        """
        self._thread.shutdown(wait=not all(begun.done() for begun in self._clearing))
        # A migration is waited for: broken off, it could leave a database that no later one can mend.
        with self._at_database:
            self._stopped = True

    def _clear_up(self, job: Job) -> None:
        experiment = plan_from_payload(job.payload).dataset if job.kind == TRAINING else job.id
        self.versions().clear_up(experiment, job.id, cancelled=job.state is JobState.CANCELLED)

    def _open(self) -> VersionRegistry:
        quieten()
        # Imported here: MLflow takes seconds, in which the server answers already.
        from services.trainer.adapters.versions import open_versions

        settings = self._settings
        with self._at_database:
            if self._stopped:
                raise Unavailable("the trainer is stopping; ask the next one", reason="STOPPING")
            return open_versions(settings.mlflow_uri, settings.mlflow_artifacts, self._cache)

    def _log_failure(self, done: "Future[Any]") -> None:
        error = done.exception()
        if error is not None and not self._stopped:
            _LOGGER.error("MLflow could not be attended to", exc_info=error)
