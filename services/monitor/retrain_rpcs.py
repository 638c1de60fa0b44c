"""The rpcs on retrain proposals: each converts, calls, converts."""

from dataclasses import dataclass

import grpc

from counterfoil.monitor.v1 import monitor_pb2_grpc, retraining_pb2
from services.monitor.alert_messages import position_from_token
from services.monitor.retrain_messages import (
    model_from_proto,
    proposal_id_from_proto,
    proposal_to_proto,
    states_from_proto,
)
from services.monitor.retraining import Retraining
from shared.rpc import pages
from shared.rpc.caller import caller_of


@dataclass(frozen=True)
class RetrainRpcs(monitor_pb2_grpc.MonitorServiceServicer):
    """Answers with what `retraining` keeps."""

    retraining: Retraining

    def GetRetrainProposal(
        self, request: retraining_pb2.GetRetrainProposalRequest, context: grpc.ServicerContext
    ) -> retraining_pb2.RetrainProposal:
        """Return one proposal."""
        return proposal_to_proto(self.retraining.get(proposal_id_from_proto(request.name)))

    def ListRetrainProposals(
        self, request: retraining_pb2.ListRetrainProposalsRequest, context: grpc.ServicerContext
    ) -> retraining_pb2.ListRetrainProposalsResponse:
        """Return a page of proposals."""
        proposals, position = self.retraining.list(
            states=states_from_proto(request),
            model=model_from_proto(request.model),
            page_size=pages.page_size(request.page_size),
            before=position_from_token(pages.decode_token(request.page_token)),
        )
        shown = map(proposal_to_proto, proposals)
        token = pages.encode_token(str(position or ""))
        return retraining_pb2.ListRetrainProposalsResponse(retrain_proposals=shown, next_page_token=token)

    def ApproveRetrainProposal(
        self, request: retraining_pb2.ApproveRetrainProposalRequest, context: grpc.ServicerContext
    ) -> retraining_pb2.RetrainProposal:
        """Approve a proposal in the caller's name."""
        approved = self.retraining.approve(
            proposal_id_from_proto(request.name), etag=request.etag, caller=caller_of(context), reason=request.reason
        )
        return proposal_to_proto(approved)

    def RejectRetrainProposal(
        self, request: retraining_pb2.RejectRetrainProposalRequest, context: grpc.ServicerContext
    ) -> retraining_pb2.RetrainProposal:
        """Reject a proposal in the caller's name."""
        rejected = self.retraining.reject(
            proposal_id_from_proto(request.name), etag=request.etag, caller=caller_of(context), reason=request.reason
        )
        return proposal_to_proto(rejected)
