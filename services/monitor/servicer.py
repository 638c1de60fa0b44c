"""MonitorService: each rpc converts, calls, converts."""

from collections.abc import Iterator
from dataclasses import dataclass

import grpc

from counterfoil.monitor.v1 import monitor_pb2
from services.monitor.alert_rpcs import AlertRpcs
from services.monitor.challenger_rpcs import ChallengerRpcs
from services.monitor.drift_rpcs import DriftRpcs
from services.monitor.erasure_rpcs import ErasureRpcs
from services.monitor.failure_rpcs import FailureRpcs
from services.monitor.intake import Intake
from services.monitor.messages import (
    asked_from_proto,
    document_from_proto,
    filter_from_proto,
    report_id_from_proto,
    report_to_proto,
    segment_from_proto,
)
from services.monitor.outcome_rpcs import OutcomeRpcs
from services.monitor.performance_rpcs import PerformanceRpcs
from services.monitor.prediction_rpcs import PredictionRpcs
from services.monitor.reports import Reports
from services.monitor.retrain_rpcs import RetrainRpcs
from services.monitor.verification_rpcs import VerificationRpcs
from shared.rpc import pages
from shared.rpc.caller import caller_of

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class MonitorServicer(
    PredictionRpcs,
    OutcomeRpcs,
    PerformanceRpcs,
    DriftRpcs,
    AlertRpcs,
    RetrainRpcs,
    ChallengerRpcs,
    VerificationRpcs,
    ErasureRpcs,
    FailureRpcs,
):
    """Answers with what intake, reports and the others know; `stopping` ends the streams that follow a job."""

    intake: Intake
    reports: Reports

    def IngestPredictions(
        self, request: monitor_pb2.IngestPredictionsRequest, context: grpc.ServicerContext
    ) -> monitor_pb2.IngestPredictionsResponse:
        """Store a segment exactly once."""
        segment = segment_from_proto(request)
        appended = self.intake.ingest(segment)
        return monitor_pb2.IngestPredictionsResponse(
            instance=segment.instance, number=segment.number, already_stored=appended.already_stored
        )

    def CreateDriftReport(
        self, request: monitor_pb2.CreateDriftReportRequest, context: grpc.ServicerContext
    ) -> monitor_pb2.DriftReport:
        """Start a comparison."""
        report = self.reports.create(
            asked_from_proto(request), request_id=request.request_id, caller=caller_of(context)
        )
        return report_to_proto(report)

    def GetDriftReport(
        self, request: monitor_pb2.GetDriftReportRequest, context: grpc.ServicerContext
    ) -> monitor_pb2.DriftReport:
        """Return one report."""
        return report_to_proto(self.reports.get(report_id_from_proto(request.name)))

    def ListDriftReports(
        self, request: monitor_pb2.ListDriftReportsRequest, context: grpc.ServicerContext
    ) -> monitor_pb2.ListDriftReportsResponse:
        """Return a page of reports without their columns."""
        reports, position = self.reports.list(
            page_size=pages.page_size(request.page_size),
            before=pages.decode_token(request.page_token),
            model_version=filter_from_proto(request.model_version),
        )
        shown = [report_to_proto(report, with_columns=False) for report in reports]
        return monitor_pb2.ListDriftReportsResponse(drift_reports=shown, next_page_token=pages.encode_token(position))

    def CancelDriftReport(
        self, request: monitor_pb2.CancelDriftReportRequest, context: grpc.ServicerContext
    ) -> monitor_pb2.DriftReport:
        """Stop the making of a report."""
        return report_to_proto(self.reports.cancel(report_id_from_proto(request.name)))

    def WatchDriftReport(
        self, request: monitor_pb2.WatchDriftReportRequest, context: grpc.ServicerContext
    ) -> Iterator[monitor_pb2.WatchDriftReportResponse]:
        """Follow a report until its job ends."""
        report_id = report_id_from_proto(request.name)
        for report in self.reports.watch(report_id, lambda: context.is_active() and not self.stopping.is_set()):
            yield monitor_pb2.WatchDriftReportResponse(drift_report=report_to_proto(report))

    def ReadDriftReport(
        self, request: monitor_pb2.ReadDriftReportRequest, context: grpc.ServicerContext
    ) -> Iterator[monitor_pb2.ReadDriftReportResponse]:
        """Stream a report's document."""
        name = document_from_proto(request.format)
        with self.reports.document(report_id_from_proto(request.name), name).open("rb") as document:
            while chunk := document.read(CHUNK_BYTES):
                yield monitor_pb2.ReadDriftReportResponse(chunk=chunk)
