"""The rpcs of the Open Inference Protocol: each converts, calls, converts."""

from importlib.metadata import version

import grpc

from counterfoil.inference.v2 import open_inference_pb2 as messages
from counterfoil.inference.v2 import open_inference_pb2_grpc
from counterfoil.scorer.v1 import scorer_pb2
from services.scorer.desk import Answering
from services.scorer.domain.serving import Served, Serving
from services.scorer.failures import RowsFailed
from services.scorer.inference_messages import call_of, metadata_of, questions_of, reply_of
from shared.errors import CounterfoilError
from shared.rpc.caller import caller_of
from shared.rpc.encoded import Encoded


class InferenceServicer(open_inference_pb2_grpc.GRPCInferenceServiceServicer):
    """Answers the rpcs of inference.GRPCInferenceService by what is served, over the same log as ScorerService."""

    def __init__(self, serving: Serving, answer: Answering, rows_failed: RowsFailed) -> None:
        self._serving = serving
        self._answer = answer
        self._rows_failed = rows_failed

    def ServerLive(
        self, request: messages.ServerLiveRequest, context: grpc.ServicerContext
    ) -> messages.ServerLiveResponse:
        """Say that the process lives."""
        return messages.ServerLiveResponse(live=True)

    def ServerReady(
        self, request: messages.ServerReadyRequest, context: grpc.ServicerContext
    ) -> messages.ServerReadyResponse:
        """Say whether a model is served."""
        return messages.ServerReadyResponse(ready=not self._serving.empty)

    def ModelReady(
        self, request: messages.ModelReadyRequest, context: grpc.ServicerContext
    ) -> messages.ModelReadyResponse:
        """Say whether this model in this version is served."""
        try:
            self._named(request.name, request.version)
        except CounterfoilError:
            return messages.ModelReadyResponse(ready=False)
        return messages.ModelReadyResponse(ready=True)

    def ServerMetadata(
        self, request: messages.ServerMetadataRequest, context: grpc.ServicerContext
    ) -> messages.ServerMetadataResponse:
        """Return name and version."""
        return messages.ServerMetadataResponse(name="counterfoil", version=version("counterfoil"))

    def ModelMetadata(
        self, request: messages.ModelMetadataRequest, context: grpc.ServicerContext
    ) -> messages.ModelMetadataResponse:
        """Return the tensors of the served model."""
        return metadata_of(self._named(request.name, request.version))

    def ModelInfer(
        self, request: messages.ModelInferRequest, context: grpc.ServicerContext
    ) -> messages.ModelInferResponse:
        """Score applicants."""
        served = self._named(request.model_name, request.model_version)
        call = call_of(request)
        questions = questions_of(
            request, call, served.bundle.schema, model=self._serving.model, caller=caller_of(context)
        )
        outcomes = [_decoded(each) for each in self._answer(questions, context.is_active)]
        reply = reply_of(request, call, served, outcomes)
        self._rows_failed("ModelInfer", request, context, outcomes)
        return reply

    def _named(self, model: str, version_number: str) -> Served:
        """Return what is served under this name and number; raises NotFound for others, and why nothing is served."""
        self._serving.named(model)
        return self._serving.current(version_number)


def _decoded(outcome: Encoded | CounterfoilError) -> scorer_pb2.ScoreResponse | CounterfoilError:
    return scorer_pb2.ScoreResponse.FromString(outcome.content) if isinstance(outcome, Encoded) else outcome
