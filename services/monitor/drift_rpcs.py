"""The rpcs on a model's drift status: each converts, calls, converts."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import grpc

from counterfoil.monitor.v1 import drift_status_pb2, monitor_pb2_grpc
from services.monitor.drift_messages import status_to_proto
from services.monitor.standing import Standing


@dataclass(frozen=True)
class DriftRpcs(monitor_pb2_grpc.MonitorServiceServicer):
    """Answers with what `standing` keeps in memory; `stopping` ends the streams that follow something."""

    standing: Standing
    stopping: threading.Event

    def GetDriftStatus(
        self, request: drift_status_pb2.GetDriftStatusRequest, context: grpc.ServicerContext
    ) -> drift_status_pb2.DriftStatus:
        """Tell from memory whether a model's data has drifted."""
        return status_to_proto(self.standing.status(request.model_version), request.etag)

    def WatchDriftStatus(
        self, request: drift_status_pb2.WatchDriftStatusRequest, context: grpc.ServicerContext
    ) -> Iterator[drift_status_pb2.WatchDriftStatusResponse]:
        """Tell the status whenever it changes."""
        news = self.standing.watch(
            request.model_version, request.etag, lambda: context.is_active() and not self.stopping.is_set()
        )
        for status in news:
            yield drift_status_pb2.WatchDriftStatusResponse(status=status_to_proto(status, known_etag=""))
