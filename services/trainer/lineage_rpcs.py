"""The rpcs of TrainerService that are about what led to what."""

from dataclasses import dataclass

import grpc

from counterfoil.trainer.v1 import dataset_pb2, lineage_pb2, training_pb2
from counterfoil.trainer.v1.trainer_pb2_grpc import TrainerServiceServicer
from services.trainer.dataset_messages import DATASETS, dataset_to_proto
from services.trainer.domain.comparison import ComparedRun
from services.trainer.lineage import Genealogist, Lineage, Run
from services.trainer.model_messages import version_to_proto
from services.trainer.names import identifier, model_and_version
from services.trainer.training_messages import TRAINING_JOBS, training_job_to_proto
from shared.errors import InvalidInput

_BASIC = dataset_pb2.DATASET_VIEW_BASIC


@dataclass(frozen=True)
class LineageRpcs(TrainerServiceServicer):
    """Answers from the job store and the model registry."""

    genealogist: Genealogist

    def GetLineage(self, request: lineage_pb2.GetLineageRequest, context: grpc.ServicerContext) -> lineage_pb2.Lineage:
        """Return what led to a version, or what a data set has led to."""
        if request.name.startswith("models/"):
            return _lineage_to_proto(self.genealogist.of_version(*model_and_version(request.name)))
        if request.name.startswith(f"{DATASETS}/"):
            return _lineage_to_proto(self.genealogist.of_dataset(identifier(request.name, DATASETS)))
        raise InvalidInput.of("name", "must be of the form datasets/{id} or models/{model}/versions/{number or alias}")

    def CompareRuns(
        self, request: lineage_pb2.CompareRunsRequest, context: grpc.ServicerContext
    ) -> lineage_pb2.CompareRunsResponse:
        """Set the models of a data set beside each other."""
        job, runs = self.genealogist.compared(identifier(request.dataset, DATASETS, field="dataset"))
        dataset = dataset_to_proto(job, _BASIC)
        return lineage_pb2.CompareRunsResponse(
            dataset=dataset.name,
            baseline_metrics=dataset.baseline_metrics,
            runs=[_compared_to_proto(run) for run in runs],
        )


def _lineage_to_proto(lineage: Lineage) -> lineage_pb2.Lineage:
    name = f"{DATASETS}/{lineage.dataset}"
    return lineage_pb2.Lineage(
        dataset=dataset_pb2.Dataset(name=name) if lineage.job is None else dataset_to_proto(lineage.job, _BASIC),
        dataset_deleted=lineage.deleted,
        runs=[_run_to_proto(run, name) for run in lineage.runs],
    )


def _run_to_proto(run: Run, dataset: str) -> lineage_pb2.LineageRun:
    unknown = training_pb2.TrainingJob(name=f"{TRAINING_JOBS}/{run.job_id}", dataset=dataset)
    return lineage_pb2.LineageRun(
        training_job=unknown if run.job is None else training_job_to_proto(run.job, with_trials=False),
        model_versions=[version_to_proto(version) for version in run.versions],
    )


def _compared_to_proto(run: ComparedRun) -> lineage_pb2.ComparedRun:
    return lineage_pb2.ComparedRun(
        training_job=f"{TRAINING_JOBS}/{run.training_job}",
        model_version=run.version,
        classifier=run.classifier,
        aliases=run.aliases,
        threshold=run.threshold,
        metrics=run.metrics,
        relative_costs=run.relative_costs,
        run_id=run.run_id,
    )
