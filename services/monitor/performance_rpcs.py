"""The rpc of MonitorService that is about performance."""

from dataclasses import dataclass

import grpc

from counterfoil.monitor.v1 import performance_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceServicer
from services.monitor.performance_messages import asked_from_proto, performance_to_proto
from services.monitor.performances import Performances


@dataclass(frozen=True)
class PerformanceRpcs(MonitorServiceServicer):
    """Answers with what decisions and outcomes say."""

    performances: Performances

    def GetPerformance(
        self, request: performance_pb2.GetPerformanceRequest, context: grpc.ServicerContext
    ) -> performance_pb2.Performance:
        """Tell how a model version does."""
        return performance_to_proto(self.performances.measure(asked_from_proto(request)))
