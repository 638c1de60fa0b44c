"""The rpcs of TrainerService that are about the audit trail."""

from dataclasses import dataclass

import grpc

from counterfoil.trainer.v1 import governance_pb2
from counterfoil.trainer.v1.trainer_pb2_grpc import TrainerServiceServicer
from services.trainer.adapters.audit_trail import AuditTrail
from services.trainer.audit_messages import event_to_proto, filter_from_proto, known_from_proto, report_to_proto
from shared.rpc.pages import decode_token, encode_token, page_size


@dataclass(frozen=True)
class AuditRpcs(TrainerServiceServicer):
    """Answers from the audit trail."""

    trail: AuditTrail

    def ListAuditEvents(
        self, request: governance_pb2.ListAuditEventsRequest, context: grpc.ServicerContext
    ) -> governance_pb2.ListAuditEventsResponse:
        """Return a page of events, newest first."""
        size, before = page_size(request.page_size), decode_token(request.page_token)
        events, position = self.trail.list(filter_from_proto(request), page_size=size, before=before)
        shown = [event_to_proto(event) for event in events]
        return governance_pb2.ListAuditEventsResponse(audit_events=shown, next_page_token=encode_token(position))

    def VerifyAuditTrail(
        self, request: governance_pb2.VerifyAuditTrailRequest, context: grpc.ServicerContext
    ) -> governance_pb2.AuditTrailReport:
        """Check the chain from its first link to its last."""
        return report_to_proto(self.trail.verify(known_from_proto(request)))
