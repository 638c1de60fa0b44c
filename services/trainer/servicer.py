"""TrainerService: each rpc converts, calls and converts back."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import grpc

from counterfoil.trainer.v1 import dataset_pb2, training_pb2
from services.trainer import dataset_messages, training_messages
from services.trainer.audit_rpcs import AuditRpcs
from services.trainer.dataset_messages import DATASETS, dataset_to_proto
from services.trainer.domain.classifiers.catalogue import CLASSIFIERS
from services.trainer.inspection_rpcs import InspectionRpcs
from services.trainer.intake import Intake
from services.trainer.kinds import DATASET, TRAINING
from services.trainer.lineage_rpcs import LineageRpcs
from services.trainer.model_rpcs import ModelRpcs
from services.trainer.names import identifier
from services.trainer.refresh_rpcs import RefreshRpcs
from services.trainer.threshold_rpcs import ThresholdRpcs
from services.trainer.training_messages import TRAINING_JOBS, classifier_to_proto, training_job_to_proto
from shared.jobs.store import JobStore
from shared.rpc.caller import caller_of
from shared.rpc.jobs import watch
from shared.rpc.pages import decode_token, encode_token, page_size

BASIC = dataset_pb2.DATASET_VIEW_BASIC


@dataclass(frozen=True)
class TrainerServicer(ModelRpcs, ThresholdRpcs, RefreshRpcs, LineageRpcs, AuditRpcs, InspectionRpcs):
    """Answers from the job store and the model registry; `stopping` ends the streams that watch."""

    store: JobStore
    intake: Intake
    stopping: threading.Event

    def CreateDataset(
        self, request: dataset_pb2.CreateDatasetRequest, context: grpc.ServicerContext
    ) -> dataset_pb2.Dataset:
        """Store the wish for a data set, unless a look at its source rules it out, and return it."""
        plan = dataset_messages.plan_from_proto(request)
        job = self.intake.dataset(plan, caller=caller_of(context), request_id=request.request_id)
        return dataset_to_proto(job, BASIC)

    def GetDataset(self, request: dataset_pb2.GetDatasetRequest, context: grpc.ServicerContext) -> dataset_pb2.Dataset:
        """Return one data set."""
        return dataset_to_proto(self.store.get(identifier(request.name, DATASETS), kind=DATASET), request.view)

    def ListDatasets(
        self, request: dataset_pb2.ListDatasetsRequest, context: grpc.ServicerContext
    ) -> dataset_pb2.ListDatasetsResponse:
        """Return a page of data sets, newest first."""
        size, before = page_size(request.page_size), decode_token(request.page_token)
        jobs, position = self.store.list(kind=DATASET, page_size=size, before=before)
        datasets = [dataset_to_proto(job, BASIC) for job in jobs]
        return dataset_pb2.ListDatasetsResponse(datasets=datasets, next_page_token=encode_token(position))

    def CancelDataset(
        self, request: dataset_pb2.CancelDatasetRequest, context: grpc.ServicerContext
    ) -> dataset_pb2.Dataset:
        """Ask to stop the making of a data set."""
        return dataset_to_proto(self.intake.cancel(identifier(request.name, DATASETS), kind=DATASET), BASIC)

    def WatchDataset(
        self, request: dataset_pb2.WatchDatasetRequest, context: grpc.ServicerContext
    ) -> Iterator[dataset_pb2.WatchDatasetResponse]:
        """Yield the news of a data set until its job ends."""
        job_id = self.store.get(identifier(request.name, DATASETS), kind=DATASET).id
        for job in watch(self.store, job_id, lambda: self._listens(context)):
            yield dataset_pb2.WatchDatasetResponse(dataset=dataset_to_proto(job, BASIC))

    def ListClassifiers(
        self, request: training_pb2.ListClassifiersRequest, context: grpc.ServicerContext
    ) -> training_pb2.ListClassifiersResponse:
        """Return the classifiers and their hyper-parameters."""
        classifiers = [classifier_to_proto(CLASSIFIERS[name]) for name in sorted(CLASSIFIERS)]
        return training_pb2.ListClassifiersResponse(classifiers=classifiers)

    def CreateTrainingJob(
        self, request: training_pb2.CreateTrainingJobRequest, context: grpc.ServicerContext
    ) -> training_pb2.TrainingJob:
        """Store the wish for a model and return its job at once."""
        plan = training_messages.plan_from_proto(request)
        job = self.intake.training(plan, caller=caller_of(context), request_id=request.request_id)
        return training_job_to_proto(job)

    def GetTrainingJob(
        self, request: training_pb2.GetTrainingJobRequest, context: grpc.ServicerContext
    ) -> training_pb2.TrainingJob:
        """Return one training job."""
        return training_job_to_proto(self.store.get(identifier(request.name, TRAINING_JOBS), kind=TRAINING))

    def ListTrainingJobs(
        self, request: training_pb2.ListTrainingJobsRequest, context: grpc.ServicerContext
    ) -> training_pb2.ListTrainingJobsResponse:
        """Return a page of training jobs, newest first."""
        size, before = page_size(request.page_size), decode_token(request.page_token)
        dataset = identifier(request.dataset, DATASETS, field="dataset") if request.dataset else ""
        jobs, position = self.store.list(kind=TRAINING, page_size=size, before=before, label=dataset)
        shown = [training_job_to_proto(job, with_trials=False) for job in jobs]
        return training_pb2.ListTrainingJobsResponse(training_jobs=shown, next_page_token=encode_token(position))

    def CancelTrainingJob(
        self, request: training_pb2.CancelTrainingJobRequest, context: grpc.ServicerContext
    ) -> training_pb2.TrainingJob:
        """Ask to stop a training job."""
        return training_job_to_proto(self.intake.cancel(identifier(request.name, TRAINING_JOBS), kind=TRAINING))

    def WatchTrainingJob(
        self, request: training_pb2.WatchTrainingJobRequest, context: grpc.ServicerContext
    ) -> Iterator[training_pb2.WatchTrainingJobResponse]:
        """Yield the news of a training job until it ends."""
        job_id = self.store.get(identifier(request.name, TRAINING_JOBS), kind=TRAINING).id
        for job in watch(self.store, job_id, lambda: self._listens(context)):
            yield training_pb2.WatchTrainingJobResponse(training_job=training_job_to_proto(job))

    def _listens(self, context: grpc.ServicerContext) -> bool:
        return context.is_active() and not self.stopping.is_set()
