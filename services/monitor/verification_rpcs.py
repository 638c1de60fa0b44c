"""The rpc that proves the log."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import grpc

from counterfoil.monitor.v1 import verification_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceServicer
from services.monitor.proving import Proving
from services.monitor.verification_messages import news_to_proto, range_from_proto, receipts_from_proto


@dataclass(frozen=True)
class VerificationRpcs(MonitorServiceServicer):
    """Answers with what `proving` finds; `stopping` ends a check."""

    proving: Proving
    stopping: threading.Event

    def VerifyLog(
        self, request: verification_pb2.VerifyLogRequest, context: grpc.ServicerContext
    ) -> Iterator[verification_pb2.VerifyLogResponse]:
        """Check a range of the log."""
        wanted, receipts = range_from_proto(request), receipts_from_proto(request)
        for news in self.proving.verify(wanted, receipts, lambda: context.is_active() and not self.stopping.is_set()):
            yield news_to_proto(news)
