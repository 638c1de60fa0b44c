"""A monitor's retraining with a trainer whose answers are written beforehand."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from counterfoil.client.channels import open_channel
from counterfoil.trainer.v1 import dataset_pb2, training_pb2
from counterfoil.types.v1 import job_pb2
from services.monitor.adapters.proposal_table import ProposalTable
from services.monitor.adapters.trainer import Trainer
from services.monitor.domain.alerts import Alert
from services.monitor.domain.retraining import Proposal, ProposalState
from services.monitor.retraining import Retraining
from tests.lending import eventually
from tests.service.fake_services import FakeServices
from tests.unit.monitor.alarms import Alarms, alarms_in, measured

NEW_VERSION = "models/credit-default/versions/2"
DONE = job_pb2.Job(state=job_pb2.JOB_STATE_SUCCEEDED)
RUNNING = job_pb2.Job(state=job_pb2.JOB_STATE_RUNNING)
OLD_TABLE, NEW_TABLE = "a" * 64, "b" * 64


def dataset(name: str, table: str, job: job_pb2.Job = DONE) -> dataset_pb2.Dataset:
    """Return a data set of one table with this digest."""
    return dataset_pb2.Dataset(
        name=f"datasets/{name}",
        job=job,
        home_credit=dataset_pb2.HomeCreditTables(directory="live", features=dataset_pb2.FEATURE_SET_EXTENDED),
        test_share=0.25,
        seed=3,
        options=dataset_pb2.CleaningOptions(imputation=dataset_pb2.IMPUTATION_NONE),
        barred_columns=["CODE_GENDER"],
        tables=[dataset_pb2.TableReport(table="application_train", present=True, digest=table)],
    )


def training(name: str, job: job_pb2.Job = DONE, version: str = "") -> training_pb2.TrainingJob:
    """Return a training with settings that differ from the defaults."""
    grid = {"num_leaves": training_pb2.HyperparameterChoices(values=[training_pb2.HyperparameterValue(integer=8)])}
    return training_pb2.TrainingJob(
        name=f"trainingJobs/{name}",
        job=job,
        dataset="datasets/ds-old",
        model="credit-default",
        classifier="lightgbm",
        grid=grid,
        folds=4,
        repeats=2,
        seed=11,
        costs=training_pb2.Costs(false_negative=12, false_positive=1),
        imbalance=training_pb2.IMBALANCE_NONE,
        calibration=training_pb2.CALIBRATION_SIGMOID,
        search=training_pb2.Search(method=training_pb2.SEARCH_METHOD_TPE, max_trials=7),
        preprocessing=training_pb2.PREPROCESSING_NONE,
        model_version=version,
    )


def knows_the_past(services: FakeServices) -> None:
    """Let the trainer know what the version was made from."""
    version = training_pb2.ModelVersion(
        name="models/credit-default/versions/1", dataset="datasets/ds-old", training_job="trainingJobs/tj-old"
    )
    services.answer("GetModelVersion", version)
    services.answer("GetDataset", dataset("ds-old", OLD_TABLE))
    services.answer("GetTrainingJob", training("tj-old"))


@dataclass
class Retrainings:
    """Retraining that runs, and the alarms of the same database."""

    retraining: Retraining
    alarms: Alarms

    def alert(self, value: float = 0.06) -> Alert:
        """Return an alert that proposes retraining."""
        self.alarms.alerting.measured(measured(value))
        return self.alarms.proposing[-1]

    def propose(self) -> Proposal:
        """Return the proposal that an alert makes."""
        self.retraining.propose(self.alert())
        return self.newest()

    def newest(self) -> Proposal:
        """Return the newest proposal."""
        return self.retraining.list(states=(), model="", page_size=1, before=0)[0][0]

    def settled(self, proposal: Proposal) -> Proposal:
        """Return a proposal once the trainer has been asked what to train."""
        eventually(lambda: self.retraining.get(proposal.id).provenance is not None, timeout_s=60, what="the settings")
        return self.retraining.get(proposal.id)

    def ended(self, proposal: Proposal) -> Proposal:
        """Return a proposal once it has ended."""
        eventually(lambda: self.retraining.get(proposal.id).state.ended, timeout_s=60, what="the proposal's end")
        return self.retraining.get(proposal.id)

    def in_state(self, proposal: Proposal, state: ProposalState) -> Proposal:
        """Return a proposal once it is in a state."""
        eventually(lambda: self.retraining.get(proposal.id).state is state, timeout_s=60, what=state)
        return self.retraining.get(proposal.id)


@contextmanager
def retraining_in(folder: Path, address: str, *, starts: bool = True) -> Iterator[Retrainings]:
    """Run retraining whose database lies in the folder and whose trainer listens at the address."""
    alarms = alarms_in(folder)
    with open_channel(address) as channel:
        table = ProposalTable(alarms.database, alarms.outbox, alarms.clock, lambda: secrets.token_hex(6))
        retraining = Retraining(table, Trainer(channel), clock=alarms.clock, look_s=0.02)
        if starts:
            retraining.start()
        try:
            yield Retrainings(retraining, alarms)
        finally:
            retraining.stop()
    alarms.database.close()
