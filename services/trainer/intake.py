"""Requests for long work: checked against what is there, and stored as jobs."""

import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from services.trainer.adapters.memory import available_memory
from services.trainer.adapters.source_labels import read_labels
from services.trainer.domain.dataset import DatasetPlan, check_dataset_plan, split_rows
from services.trainer.domain.imbalance import check_memory
from services.trainer.domain.plan import (
    TrainingPlan,
    check_against_dataset,
    check_cost_columns,
    check_training_plan,
    oversampling_bytes,
)
from services.trainer.finished import finished_dataset
from services.trainer.foresight import refuse_hopeless
from services.trainer.kinds import DATASET, TRAINING
from shared.jobs.runner import JobRunner
from shared.jobs.store import Job, JobStore
from shared.turns import Turns


def random_id() -> str:
    """Return 12 hexadecimal digits."""
    return secrets.token_hex(6)


@dataclass(frozen=True)
class Intake:
    """Takes in data sets and trainings.

    A request_id that the caller used within 24 hours returns the first job, whatever has become of its source since.
    """

    store: JobStore
    runner: JobRunner
    tables_root: Path
    # Held while a training is checked and stored: its data set must not be deleted in between.
    changing: threading.Lock
    turns: Turns
    new_id: Callable[[], str] = random_id
    memory: Callable[[], int] = available_memory

    def dataset(self, plan: DatasetPlan, *, caller: str, request_id: str) -> Job:
        """Store the job that makes a data set.

        Raises InvalidInput where the plan can never work, also by the headers of its tables, and Precondition where
        there are too few of a class to be split as it says (ONE_CLASS_TARGET, SPLIT_TOO_SMALL), or where its options
        leave no column of tables that are small enough to be looked at (NO_COLUMN_LEFT), and Exhausted where others
        look at data for too long (INSPECTIONS_BUSY).
        """
        check_dataset_plan(plan)
        payload = json.dumps(plan.to_json(), sort_keys=True, allow_nan=False)
        made = self.store.find_made(kind=DATASET, payload=payload, caller=caller, request_id=request_id)
        if made is not None:
            return made
        # Headers and targets: a quick look at the files, which rules out what the job could only fail for later.
        splits = split_rows(read_labels(plan.source, self.tables_root), plan)
        refuse_hopeless(plan, self.tables_root, train_rows=len(splits["train"]), turns=self.turns)
        job = self.store.create(
            id=f"ds-{self.new_id()}", kind=DATASET, payload=payload, caller=caller, request_id=request_id
        )
        self.runner.wake()
        return job

    def training(self, plan: TrainingPlan, *, caller: str, request_id: str) -> Job:
        """Store the job that trains a model, filed under its data set.

        Raises InvalidInput where the plan can never work, NotFound where there is no such data set, and Precondition
        where it is not ready (DATASET_NOT_READY) or not fit for the classifier or the costs.
        """
        check_training_plan(plan)
        payload = json.dumps(plan.to_json(), sort_keys=True, allow_nan=False)
        made = self.store.find_made(kind=TRAINING, payload=payload, caller=caller, request_id=request_id)
        if made is not None:
            return made
        with self.changing:
            self._check_dataset(plan)
            job = self.store.create(
                id=f"tj-{self.new_id()}",
                kind=TRAINING,
                payload=payload,
                caller=caller,
                request_id=request_id,
                label=plan.dataset,
            )
        self.runner.wake()
        return job

    def cancel(self, job_id: str, *, kind: str) -> Job:
        """Ask to end a job and return it as it is now; one that has ended stays as it is. Raises NotFound."""
        self.store.get(job_id, kind=kind)
        return self.runner.cancel(job_id)

    def _check_dataset(self, plan: TrainingPlan) -> None:
        dataset = finished_dataset(self.store, plan.dataset)
        made = dataset.result
        check_cost_columns(plan.costs, {fate.column: fate.missing_share for fate in made.columns})
        train = made.splits["train"]
        imputation = dataset.plan.cleaning.imputation
        check_against_dataset(plan, imputation=imputation, rows=train.rows, defaults=train.defaults or 0)
        columns = sum(fate.kept for fate in made.columns)
        needed = oversampling_bytes(plan, rows=train.rows, defaults=train.defaults or 0, columns=columns)
        check_memory(needed, self.memory())
