"""The rpc of MonitorService that is about challengers."""

import threading
from dataclasses import dataclass

import grpc

from counterfoil.monitor.v1 import challenger_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceServicer
from services.monitor.challenger_messages import asked_from_proto, comparison_to_proto
from services.monitor.challengers import Challengers


@dataclass(frozen=True)
class ChallengerRpcs(MonitorServiceServicer):
    """Answers with how challengers would have decided; `stopping` ends what is being compared."""

    challengers: Challengers
    stopping: threading.Event

    def CompareChallenger(
        self, request: challenger_pb2.CompareChallengerRequest, context: grpc.ServicerContext
    ) -> challenger_pb2.ChallengerComparison:
        """Tell how a challenger would have decided on what was logged."""
        asked = self.challengers.settle(asked_from_proto(request))
        found = self.challengers.compare(asked, lambda: context.is_active() and not self.stopping.is_set())
        return comparison_to_proto(asked, found)
