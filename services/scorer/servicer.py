"""The scorer's rpcs: each converts, calls, converts."""

import grpc

from counterfoil.scorer.v1 import scorer_pb2
from services.scorer import messages
from services.scorer.desk import Answering, AnsweringUnread
from services.scorer.domain.serving import Serving
from services.scorer.failures import RowsFailed
from services.scorer.pipeline import Pipeline
from services.scorer.quick_reading import Shapes, Unread
from services.scorer.replay_rpcs import ReplayRpcs
from services.scorer.replaying import Replayer
from services.scorer.siblings import Siblings
from services.scorer.stream_rpcs import StreamRpcs
from services.scorer.streaming import ChunkDesk
from shared.errors import CounterfoilError
from shared.rpc.caller import caller_of
from shared.rpc.encoded import Encoded
from shared.rpc.statuses import to_status
from shared.rpc.unparsed import Unparsed


class ScorerServicer(ReplayRpcs, StreamRpcs):
    """Answers the rpcs of counterfoil.scorer.v1.ScorerService."""

    def __init__(
        self,
        serving: Serving,
        answer: Answering,
        answer_unread: AnsweringUnread,
        *,
        replayer: Replayer,
        chunks: ChunkDesk,
        pipeline: Pipeline,
        siblings: Siblings,
        rows_failed: RowsFailed,
    ) -> None:
        self.serving = serving
        self.replayer = replayer
        self.chunks = chunks
        self.pipeline = pipeline
        self._answer = answer
        self._answer_unread = answer_unread
        self._shapes = Shapes()
        self._siblings = siblings
        self._rows_failed = rows_failed

    def Score(  # type: ignore[override]  # the boundary takes what is serialised already
        self, request: Unparsed[scorer_pb2.ScoreRequest], context: grpc.ServicerContext
    ) -> Encoded:
        """Score one applicant."""
        caller, served = caller_of(context), self.serving.champion_alone()
        shape = None if served is None else self._shapes.find(request.content, caller, served)
        if served is not None and shape is not None:
            return self._answer_unread(Unread(request.content, shape, served), context.is_active)
        return self._read_and_answer(request, caller, context)

    def _read_and_answer(
        self, request: Unparsed[scorer_pb2.ScoreRequest], caller: str, context: grpc.ServicerContext
    ) -> Encoded:
        message = request.message
        question = messages.question_from_proto(message, model=self.serving.named(message.model), caller=caller)
        (outcome,) = self._answer([question], context.is_active)
        if isinstance(outcome, CounterfoilError):
            raise outcome
        if (served := self.serving.champion_alone()) is not None:
            self._shapes.learn(message, request.content, question, served)
        return outcome

    def BatchScore(
        self, request: scorer_pb2.BatchScoreRequest, context: grpc.ServicerContext
    ) -> scorer_pb2.BatchScoreResponse:
        """Score up to 1,000 applicants, one result a row."""
        model = self.serving.named(request.model)
        questions = messages.questions_from_proto(request, model=model, caller=caller_of(context))
        outcomes = self._answer(questions, context.is_active)
        self._rows_failed("BatchScore", request, context, outcomes)
        return messages.batch_to_proto(
            to_status(outcome) if isinstance(outcome, CounterfoilError) else outcome for outcome in outcomes
        )

    def GetApplicant(
        self, request: scorer_pb2.GetApplicantRequest, context: grpc.ServicerContext
    ) -> scorer_pb2.Applicant:
        """Return an applicant's stored features."""
        self.serving.named(request.model)
        applicant_id = messages.applicant_id_from_name(request.name)
        served = self.serving.current()
        return messages.applicant_to_proto(served, applicant_id, served.applicants.find(applicant_id))

    def GetServingModel(
        self, request: scorer_pb2.GetServingModelRequest, context: grpc.ServicerContext
    ) -> scorer_pb2.ServingModel:
        """Return what is served."""
        self.serving.named(request.model)
        return messages.serving_model_to_proto(self.serving.current())

    def ListServingModels(
        self, request: scorer_pb2.ListServingModelsRequest, context: grpc.ServicerContext
    ) -> scorer_pb2.ListServingModelsResponse:
        """Return everything that is served."""
        return messages.serving_models_to_proto(self.serving.all())

    def ReloadModel(
        self, request: scorer_pb2.ReloadModelRequest, context: grpc.ServicerContext
    ) -> scorer_pb2.ServingModel:
        """Swap in what the alias points to now, in every worker process."""
        self.serving.named(request.model)
        served = self.serving.reload()
        self._siblings.reload(request, context)
        return messages.serving_model_to_proto(served)
