"""The trainer over its channel: what a version was made from, and the making of another one."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import grpc
from google.protobuf.json_format import MessageToJson, Parse

from counterfoil.client.errors import call_error
from counterfoil.trainer.v1 import dataset_pb2, training_pb2
from counterfoil.trainer.v1.trainer_pb2_grpc import TrainerServiceStub
from counterfoil.types.v1 import job_pb2
from services.monitor.domain.retraining import Failure, Proposal, Provenance
from shared.errors import Precondition, Unavailable

CHALLENGER: Final = "challenger"
_CALL_S: Final = 10.0
# What may pass; the same call may succeed later.
_PASSING: Final = frozenset(
    code.name
    for code in (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
    )
)


@dataclass(frozen=True)
class Work:
    """How a data set or a training stands: whether it has ended, why in vain, and what came of it.

    `outcome` is the version that a training registered; `tables` are the digests of a data set's tables by name.
    """

    ended: bool
    failure: Failure | None = None
    outcome: str = ""
    tables: Mapping[str, str] | None = None


class Trainer:
    """A trainer's rpcs, each with a deadline.

    Every method raises Unavailable (TRAINER_UNAVAILABLE) for what may pass, Precondition, with the trainer's reason and
    sentence, for what it refuses.
    """

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = TrainerServiceStub(channel)

    def provenance(self, model_version: str) -> Provenance:
        """Return what a version was made from, and the requests that make both anew, without request_id."""
        with _translated():
            version = self._stub.GetModelVersion(
                training_pb2.GetModelVersionRequest(name=model_version), timeout=_CALL_S
            )
            dataset = self._dataset(version.dataset)
            job = self._job(version.training_job)
        return Provenance(
            dataset=dataset.name,
            training_job=job.name,
            dataset_request=MessageToJson(dataset_again(dataset), indent=None),
            training_request=MessageToJson(training_again(job), indent=None),
        )

    def create_dataset(self, proposal: Proposal, provenance: Provenance) -> str:
        """Start making the proposal's data set, once, and return its name."""
        request = Parse(provenance.dataset_request, dataset_pb2.CreateDatasetRequest())
        request.request_id = f"{proposal.id}/dataset"
        request.display_name = f"{proposal.model}: {proposal.id}"
        with _translated():
            return self._stub.CreateDataset(request, timeout=_CALL_S).name

    def create_training(self, proposal: Proposal, provenance: Provenance) -> str:
        """Start training on the proposal's data set, once, for whom approved it, and return the job's name."""
        request = Parse(provenance.training_request, training_pb2.CreateTrainingJobRequest())
        request.request_id = f"{proposal.id}/training"
        request.dataset = proposal.dataset
        request.on_behalf_of = proposal.decision.caller if proposal.decision else ""
        with _translated():
            return self._stub.CreateTrainingJob(request, timeout=_CALL_S).name

    def dataset(self, name: str) -> Work:
        """Return how a data set stands."""
        with _translated():
            found = self._dataset(name)
        return _work(found.job, tables={table.table: table.digest for table in found.tables})

    def training(self, name: str) -> Work:
        """Return how a training stands."""
        with _translated():
            found = self._job(name)
        return _work(found.job, outcome=found.model_version)

    def make_challenger(self, model_version: str, reason: str) -> None:
        """Point the alias `challenger` to a version, if it does not already."""
        with _translated():
            version = self._stub.GetModelVersion(
                training_pb2.GetModelVersionRequest(name=model_version), timeout=_CALL_S
            )
            if CHALLENGER not in version.aliases:
                wish = training_pb2.PromoteModelVersionRequest(
                    name=version.name, alias=CHALLENGER, etag=version.etag, reason=reason
                )
                self._stub.PromoteModelVersion(wish, timeout=_CALL_S)

    def _dataset(self, name: str) -> dataset_pb2.Dataset:
        return self._stub.GetDataset(dataset_pb2.GetDatasetRequest(name=name), timeout=_CALL_S)

    def _job(self, name: str) -> training_pb2.TrainingJob:
        return self._stub.GetTrainingJob(training_pb2.GetTrainingJobRequest(name=name), timeout=_CALL_S)


def dataset_again(made: dataset_pb2.Dataset) -> dataset_pb2.CreateDatasetRequest:
    """Return the request for a data set like this one, from the same tables as they are then."""
    request = dataset_pb2.CreateDatasetRequest(
        test_share=made.test_share, seed=made.seed, options=made.options, barred_columns=made.barred_columns
    )
    if made.HasField("home_credit"):
        request.home_credit.CopyFrom(made.home_credit)
    else:
        request.prepared.CopyFrom(made.prepared)
    return request


def training_again(job: training_pb2.TrainingJob) -> training_pb2.CreateTrainingJobRequest:
    """Return the request for a training like this one; its data set is the one it had."""
    return training_pb2.CreateTrainingJobRequest(
        dataset=job.dataset,
        model=job.model,
        classifier=job.classifier,
        grid=job.grid,
        folds=job.folds,
        repeats=job.repeats,
        seed=job.seed,
        costs=job.costs,
        imbalance=job.imbalance,
        search=job.search,
        calibration=job.calibration,
        preprocessing=job.preprocessing,
    )


def _work(job: job_pb2.Job, *, outcome: str = "", tables: Mapping[str, str] | None = None) -> Work:
    if job.state in (job_pb2.JOB_STATE_QUEUED, job_pb2.JOB_STATE_RUNNING):
        return Work(ended=False)
    if job.state == job_pb2.JOB_STATE_SUCCEEDED:
        return Work(ended=True, outcome=outcome, tables=tables)
    cancelled = Failure("CANCELLED", "the trainer's job was cancelled")
    failed = Failure(job.error.reason, job.error.message)
    return Work(ended=True, failure=cancelled if job.state == job_pb2.JOB_STATE_CANCELLED else failed)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        failed = call_error(error)
        if failed.code in _PASSING:
            raise Unavailable(
                f"the trainer does not answer ({failed.code}); see that it runs where COUNTERFOIL_TRAINER_ADDRESS says",
                reason="TRAINER_UNAVAILABLE",
            ) from error
        raise Precondition(
            failed.message, reason=failed.reason or "TRAINER_REFUSED", metadata=failed.metadata
        ) from error
