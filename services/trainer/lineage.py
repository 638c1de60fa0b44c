"""What led to what: data sets, trainings and versions, put together from the job store and the registry."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from services.trainer.domain.comparison import ComparedRun, cheapest_first
from services.trainer.domain.results import training_result_from_json
from services.trainer.domain.versions import ModelVersion, VersionRegistry
from services.trainer.kinds import DATASET, TRAINING
from services.trainer.names import version_name
from services.trainer.training_messages import plan_from_payload
from shared.errors import NotFound
from shared.jobs.store import Job, JobState, JobStore


@dataclass(frozen=True)
class Run:
    """A training and its versions, oldest first; `job` is None if the store does not know it."""

    job_id: str
    job: Job | None
    versions: tuple[ModelVersion, ...]


@dataclass(frozen=True)
class Lineage:
    """A data set and the trainings on it; `job` is None if the store does not know it."""

    dataset: str
    job: Job | None
    deleted: bool
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Genealogist:
    """Answers where a version comes from and what a data set has led to."""

    store: JobStore
    versions: Callable[[], VersionRegistry]

    def of_dataset(self, dataset: str) -> Lineage:
        """Return all that a data set has led to, also a deleted one; raises NotFound."""
        job = self.store.get(dataset, kind=DATASET, with_deleted=True)
        return Lineage(dataset, job, self._is_deleted(dataset), self._runs(dataset))

    def of_version(self, model: str, version_or_alias: str) -> Lineage:
        """Return what led to a version; raises NotFound, and Precondition for an alias that nobody has set."""
        version = self.versions().get(model, version_or_alias)
        run = Run(version.training_job, self._job(version.training_job, TRAINING), (version,))
        job = self._job(version.dataset, DATASET)
        return Lineage(version.dataset, job, self._is_deleted(version.dataset), (run,))

    def compared(self, dataset: str) -> tuple[Job, list[ComparedRun]]:
        """Return the data set's job and its models, the cheapest first; raises NotFound."""
        job = self.store.get(dataset, kind=DATASET)
        found = [compared for run in self._runs(dataset) for compared in _compared(run)]
        return job, cheapest_first(found)

    def _runs(self, dataset: str) -> tuple[Run, ...]:
        versions: dict[str, list[ModelVersion]] = {}
        for version in reversed(self.versions().of_dataset(dataset)):
            versions.setdefault(version.training_job, []).append(version)
        known = {job.id: job for job in self.store.of_label(dataset) if job.kind == TRAINING}
        # A training that the store has forgotten is still known by its versions.
        every = [*known, *(job_id for job_id in versions if job_id not in known)]
        return tuple(Run(each, known.get(each), tuple(versions.get(each, ()))) for each in every)

    def _job(self, job_id: str, kind: str) -> Job | None:
        with suppress(NotFound):
            return self.store.get(job_id, kind=kind, with_deleted=True)
        return None

    def _is_deleted(self, dataset: str) -> bool:
        try:
            self.store.get(dataset, kind=DATASET)
        except NotFound as absent:
            return absent.reason == "DATASET_DELETED"
        return False


def _compared(run: Run) -> Sequence[ComparedRun]:
    if run.versions:
        return [_registered(version) for version in run.versions]
    if run.job is None or run.job.state is not JobState.SUCCEEDED:
        return []
    # It has succeeded, so it had a version; that was deleted.
    result = training_result_from_json(json.loads(run.job.result or ""))
    plan = plan_from_payload(run.job.payload)
    return [
        ComparedRun(run.job_id, "", plan.classifier, (), result.threshold or 0.0, dict(result.metrics), result.run_id)
    ]


def _registered(version: ModelVersion) -> ComparedRun:
    return ComparedRun(
        training_job=version.training_job,
        version=version_name(version.model, version.version),
        classifier=version.classifier,
        aliases=version.aliases,
        threshold=version.threshold,
        metrics=version.metrics,
        run_id=version.run_id,
    )
