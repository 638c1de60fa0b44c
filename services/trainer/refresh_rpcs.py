"""The rpc of TrainerService that refreshes the applicants whom scorers know."""

from dataclasses import dataclass

import grpc

from counterfoil.trainer.v1 import refresh_pb2
from counterfoil.trainer.v1.trainer_pb2_grpc import TrainerServiceServicer
from services.trainer.dataset_messages import DATASETS
from services.trainer.names import identifier
from services.trainer.stewardship import Stewardship
from shared.errors import InvalidInput


@dataclass(frozen=True)
class RefreshRpcs(TrainerServiceServicer):
    """Answers RefreshApplicants."""

    stewardship: Stewardship

    def RefreshApplicants(
        self, request: refresh_pb2.RefreshApplicantsRequest, context: grpc.ServicerContext
    ) -> refresh_pb2.RefreshApplicantsResponse:
        """Name the data set whose applicants are scored."""
        if not request.model:
            raise InvalidInput.of("model", "is empty; name the registered model")
        dataset = identifier(request.dataset, DATASETS, field="dataset")
        told = self.stewardship.refresh_applicants(request.model, dataset, reason=request.reason)
        return refresh_pb2.RefreshApplicantsResponse(
            dataset=f"{DATASETS}/{told.dataset.id}", instead_of=f"{DATASETS}/{told.instead_of}"
        )
