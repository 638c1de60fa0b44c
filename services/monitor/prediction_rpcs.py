"""The rpcs of MonitorService that are about logged predictions."""

from dataclasses import dataclass

import grpc

from counterfoil.monitor.v1 import prediction_log_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceServicer
from services.monitor.domain.prediction import parse_name
from services.monitor.prediction_messages import (
    filter_from_proto,
    found_to_proto,
    listed_to_proto,
    override_to_proto,
    wish_from_proto,
)
from services.monitor.predictions import Predictions
from shared.rpc.caller import caller_of
from shared.rpc.pages import decode_token, encode_token, page_size


@dataclass(frozen=True)
class PredictionRpcs(MonitorServiceServicer):
    """Answers with what was logged."""

    predictions: Predictions

    def GetPrediction(
        self, request: prediction_log_pb2.GetPredictionRequest, context: grpc.ServicerContext
    ) -> prediction_log_pb2.Prediction:
        """Return everything that is stored about one prediction."""
        return found_to_proto(self.predictions.get(parse_name(request.name, field_path="name")))

    def ListPredictions(
        self, request: prediction_log_pb2.ListPredictionsRequest, context: grpc.ServicerContext
    ) -> prediction_log_pb2.ListPredictionsResponse:
        """Return a page of predictions, newest first."""
        size, position = page_size(request.page_size), decode_token(request.page_token)
        listed, following = self.predictions.list(filter_from_proto(request), page_size=size, position=position)
        shown = map(listed_to_proto, listed)
        return prediction_log_pb2.ListPredictionsResponse(predictions=shown, next_page_token=encode_token(following))

    def RecordOverride(
        self, request: prediction_log_pb2.RecordOverrideRequest, context: grpc.ServicerContext
    ) -> prediction_log_pb2.Override:
        """Record that a person decided otherwise."""
        return override_to_proto(self.predictions.override(wish_from_proto(request, caller_of(context))))
