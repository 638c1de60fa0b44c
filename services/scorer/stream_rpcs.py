"""The rpcs that score rows by the thousand."""

from collections.abc import Iterator
from functools import partial

import grpc

from counterfoil.scorer.v1 import scorer_pb2_grpc, stream_pb2
from services.scorer import stream_messages
from services.scorer.chunk_reading import piece_of
from services.scorer.domain.chunks import (
    ComputedRows,
    Order,
    Rows,
    answer_chunk,
    compute_chunk,
    resolve_chunk,
    split_chunks,
)
from services.scorer.domain.serving import Serving
from services.scorer.pipeline import Pipeline
from services.scorer.streaming import ChunkDesk
from shared.rpc.caller import caller_of
from shared.rpc.encoded import Encoded
from shared.rpc.unparsed import Unparsed


class StreamRpcs(scorer_pb2_grpc.ScorerServiceServicer):
    """Answers StreamScore and ScoreDataset; all rows of a call by one bundle that serves when it begins."""

    serving: Serving
    chunks: ChunkDesk
    pipeline: Pipeline

    def StreamScore(  # type: ignore[override]  # serialised already
        self, request_iterator: Iterator[Unparsed[stream_pb2.StreamScoreRequest]], context: grpc.ServicerContext
    ) -> Iterator[Encoded]:
        """Score chunks of rows as they come."""
        pieces = map(piece_of, request_iterator)
        settings = stream_messages.settings_of(pieces)
        self.serving.named(settings.model)
        served = self.serving.current(settings.version)
        order = stream_messages.stream_order(settings, served, caller=caller_of(context))
        rows = stream_messages.chunks_from_proto(pieces, features=served.bundle.schema.names)
        yield from self._answers(order, rows)

    def ScoreDataset(  # type: ignore[override]  # serialised already
        self, request: stream_pb2.ScoreDatasetRequest, context: grpc.ServicerContext
    ) -> Iterator[Encoded]:
        """Score a split, or a sample of it."""
        self.serving.named(request.model)
        served = self.serving.current(request.version)
        order = stream_messages.dataset_order(request, served, caller=caller_of(context))
        split = served.applicants.split(request.split)
        rows = split_chunks(split, sample_rows=request.sample_rows, seed=request.sample_seed)
        yield from self._answers(order, rows)

    def _answers(self, order: Order, rows: Iterator[Rows]) -> Iterator[Encoded]:
        """Yield the replies about chunks: looked at as they are read, then computed, then recorded and written."""
        resolved = map(partial(resolve_chunk, order), rows)
        return self.pipeline.run(resolved, partial(compute_chunk, order), partial(self._told, order))

    def _told(self, order: Order, computed: ComputedRows) -> Encoded:
        return stream_messages.stream_reply(self.chunks.record(answer_chunk(order, computed)))
