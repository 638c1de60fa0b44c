"""The rpcs of MonitorService that are about erasures."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import grpc

from counterfoil.monitor.v1 import erasure_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceServicer
from services.monitor.erasure_messages import (
    erasure_id_from_proto,
    erasure_to_proto,
    subject_from_proto,
    wish_from_proto,
)
from services.monitor.erasures import Erasures
from shared.rpc.caller import caller_of
from shared.rpc.pages import decode_token, encode_token, page_size


@dataclass(frozen=True)
class ErasureRpcs(MonitorServiceServicer):
    """Answers with what `erasures` keeps; `stopping` ends the streams that follow a job."""

    erasures: Erasures
    stopping: threading.Event

    def ErasePersonalData(
        self, request: erasure_pb2.ErasePersonalDataRequest, context: grpc.ServicerContext
    ) -> erasure_pb2.Erasure:
        """Start an erasure."""
        wish = wish_from_proto(request)
        return erasure_to_proto(self.erasures.create(wish, request_id=request.request_id, caller=caller_of(context)))

    def GetErasure(self, request: erasure_pb2.GetErasureRequest, context: grpc.ServicerContext) -> erasure_pb2.Erasure:
        """Return one erasure."""
        return erasure_to_proto(self.erasures.get(erasure_id_from_proto(request.name)))

    def ListErasures(
        self, request: erasure_pb2.ListErasuresRequest, context: grpc.ServicerContext
    ) -> erasure_pb2.ListErasuresResponse:
        """Return a page of erasures, newest first."""
        subject = subject_from_proto(request.subject) if request.HasField("subject") else None
        size, before = page_size(request.page_size), decode_token(request.page_token)
        erasures, position = self.erasures.list(page_size=size, before=before, subject=subject)
        shown = map(erasure_to_proto, erasures)
        return erasure_pb2.ListErasuresResponse(erasures=shown, next_page_token=encode_token(position))

    def WatchErasure(
        self, request: erasure_pb2.WatchErasureRequest, context: grpc.ServicerContext
    ) -> Iterator[erasure_pb2.WatchErasureResponse]:
        """Follow an erasure until its job ends."""
        erasure_id = erasure_id_from_proto(request.name)
        for erasure in self.erasures.watch(erasure_id, lambda: context.is_active() and not self.stopping.is_set()):
            yield erasure_pb2.WatchErasureResponse(erasure=erasure_to_proto(erasure))
