"""Data sets that are there: what their jobs left behind."""

import json
from dataclasses import dataclass

from services.trainer.adapters.dataset_files import ARTIFACTS, split_file
from services.trainer.domain.dataset import DatasetPlan, plan_from_json
from services.trainer.domain.results import DatasetResult, dataset_result_from_json
from services.trainer.kinds import DATASET
from shared.bundle.dataset import DatasetReference, SplitReference
from shared.errors import Precondition
from shared.jobs.store import JobState, JobStore


@dataclass(frozen=True)
class FinishedDataset:
    """A data set that has succeeded: what it was made of and what came of it."""

    id: str
    plan: DatasetPlan
    result: DatasetResult

    @property
    def reference(self) -> DatasetReference:
        """How others refer to it and its splits."""
        result = self.result
        splits: dict[str, SplitReference] = {
            name: SplitReference(f"{ARTIFACTS}/{split_file(name)}", split.digest, split.rows)
            for name, split in result.splits.items()
        }
        return DatasetReference(self.id, result.digest, result.experiment_id, result.baseline_run_id, splits)


def finished_dataset(store: JobStore, dataset: str) -> FinishedDataset:
    """Return a data set; raises NotFound, and Precondition DATASET_NOT_READY where its job has not succeeded."""
    job = store.get(dataset, kind=DATASET)
    if job.state is not JobState.SUCCEEDED or job.result is None:
        raise Precondition(
            f"data set {job.id} is {job.state.value}; wait until it has SUCCEEDED, or create another",
            reason="DATASET_NOT_READY",
            metadata={"dataset": job.id, "state": job.state.value},
        )
    plan = plan_from_json(json.loads(job.payload))
    return FinishedDataset(job.id, plan, dataset_result_from_json(json.loads(job.result)))
