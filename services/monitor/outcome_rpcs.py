"""The rpcs of MonitorService that are about outcomes."""

from dataclasses import dataclass

import grpc

from counterfoil.monitor.v1 import outcome_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceServicer
from services.monitor.domain.prediction import parse_name
from services.monitor.outcome_messages import outcomes_to_proto, results_to_proto, rows_from_proto
from services.monitor.outcomes import Outcomes
from shared.rpc.caller import caller_of


@dataclass(frozen=True)
class OutcomeRpcs(MonitorServiceServicer):
    """Takes outcomes in and tells them again."""

    outcomes: Outcomes

    def RecordOutcomes(
        self, request: outcome_pb2.RecordOutcomesRequest, context: grpc.ServicerContext
    ) -> outcome_pb2.RecordOutcomesResponse:
        """Store what became of loans."""
        return results_to_proto(self.outcomes.record(rows_from_proto(request), caller_of(context)))

    def ListOutcomes(
        self, request: outcome_pb2.ListOutcomesRequest, context: grpc.ServicerContext
    ) -> outcome_pb2.ListOutcomesResponse:
        """Return the history of a decision's outcomes."""
        name = parse_name(request.prediction, field_path="prediction")
        return outcome_pb2.ListOutcomesResponse(outcomes=outcomes_to_proto(self.outcomes.history(name)))
