"""Streams of chunks as a client sends and reads them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from counterfoil.scorer.v1 import scorer_pb2, stream_pb2
from counterfoil.types.v1 import prediction_pb2
from tests.service.scoring import Scorer


def settings_for(running: Scorer, **fields: object) -> stream_pb2.StreamScoreRequest:
    """Return the first message of a stream for what is served now."""
    served = running.stub.GetServingModel(scorer_pb2.GetServingModelRequest())
    usual = {"purpose": prediction_pb2.PURPOSE_DECISION, "schema_digest": served.schema_digest}
    return stream_pb2.StreamScoreRequest(settings=stream_pb2.StreamSettings(**(usual | fields)))  # type: ignore[arg-type]


def chunk_of(values: NDArray[np.float64], applicant_ids: tuple[str, ...] = ()) -> stream_pb2.StreamScoreRequest:
    """Return a chunk of rows (n_rows, n_features)."""
    content = np.ascontiguousarray(values, dtype="<f8").tobytes()
    return stream_pb2.StreamScoreRequest(chunk=stream_pb2.RowChunk(values=content, applicant_ids=applicant_ids))


def streamed(
    running: Scorer, requests: list[stream_pb2.StreamScoreRequest] | Iterator[stream_pb2.StreamScoreRequest]
) -> list[stream_pb2.ScoredChunk]:
    """Return the answers about all chunks."""
    return [reply.chunk for reply in running.stub.StreamScore(iter(requests))]


def doubles(content: bytes, columns: int = 1) -> NDArray[np.float64]:
    """Return packed doubles as rows."""
    values = np.frombuffer(content, "<f8").reshape(-1, columns)
    return values[:, 0] if columns == 1 else values
