"""The rpc of MonitorService that is about calls without an answer."""

from dataclasses import dataclass

import grpc

from counterfoil.monitor.v1 import failure_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceServicer
from services.monitor.adapters.failures import LoggedFailure, LoggedFailures
from services.monitor.domain.failure import FailureFilter, FailurePlace
from shared.rpc.pages import decode_token, encode_token, page_size
from shared.rpc.times import moment_of


@dataclass(frozen=True)
class FailureRpcs(MonitorServiceServicer):
    """Answers with what was logged of failures."""

    failures: LoggedFailures

    def ListFailures(
        self, request: failure_pb2.ListFailuresRequest, context: grpc.ServicerContext
    ) -> failure_pb2.ListFailuresResponse:
        """Return a page of failures, newest first."""
        found, more = self.failures.page(filter_from_proto(request), page_size(request.page_size))
        following = encode_token(found[-1].place.to_text()) if more else ""
        return failure_pb2.ListFailuresResponse(failures=map(failure_to_proto, found), next_page_token=following)


def filter_from_proto(request: failure_pb2.ListFailuresRequest) -> FailureFilter:
    """Return which failures are wanted; raises InvalidInput for a time or a token that is none."""
    token = decode_token(request.page_token)
    return FailureFilter(
        moment_of(request.start_time, "start_time") if request.HasField("start_time") else None,
        moment_of(request.end_time, "end_time") if request.HasField("end_time") else None,
        FailurePlace.from_text(token) if token else None,
    )


def failure_to_proto(failure: LoggedFailure) -> failure_pb2.Failure:
    """Return a failure as it is told."""
    return failure_pb2.Failure(
        call=failure.call, request=failure.sent, instance=failure.place.instance, sequence=failure.place.sequence
    )
