"""The rpcs on alerts: each converts, calls, converts."""

from dataclasses import dataclass

import grpc

from counterfoil.monitor.v1 import alert_pb2, monitor_pb2_grpc
from services.monitor.alert_messages import (
    alert_id_from_proto,
    alert_to_proto,
    position_from_token,
    wanted_from_proto,
)
from services.monitor.alerting import Alerting
from shared.rpc import pages
from shared.rpc.caller import caller_of


@dataclass(frozen=True)
class AlertRpcs(monitor_pb2_grpc.MonitorServiceServicer):
    """Answers with what `alerting` keeps."""

    alerting: Alerting

    def GetAlert(self, request: alert_pb2.GetAlertRequest, context: grpc.ServicerContext) -> alert_pb2.Alert:
        """Return one alert."""
        return alert_to_proto(self.alerting.get(alert_id_from_proto(request.name)))

    def ListAlerts(
        self, request: alert_pb2.ListAlertsRequest, context: grpc.ServicerContext
    ) -> alert_pb2.ListAlertsResponse:
        """Return a page of alerts."""
        alerts, position = self.alerting.list(
            wanted_from_proto(request),
            page_size=pages.page_size(request.page_size),
            before=position_from_token(pages.decode_token(request.page_token)),
        )
        token = pages.encode_token(str(position or ""))
        return alert_pb2.ListAlertsResponse(alerts=map(alert_to_proto, alerts), next_page_token=token)

    def AcknowledgeAlert(
        self, request: alert_pb2.AcknowledgeAlertRequest, context: grpc.ServicerContext
    ) -> alert_pb2.Alert:
        """Note that the caller has seen an alert."""
        alert_id = alert_id_from_proto(request.name)
        return alert_to_proto(self.alerting.acknowledge(alert_id, caller=caller_of(context), note=request.note))
