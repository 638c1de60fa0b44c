"""Streams of chunks: settings and rows from messages, answers to messages, columns as bytes both ways."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from counterfoil.scorer.v1 import stream_pb2
from services.scorer.arrow.rows import ArrowReader
from services.scorer.chunk_reading import Piece
from services.scorer.chunk_recording import columns_of
from services.scorer.domain.chunks import (
    CHUNK_BYTES,
    CHUNK_ROWS,
    ChunkAnswer,
    Order,
    Rows,
    chunk_rows,
    principal_positions,
)
from services.scorer.domain.reasons import Detail
from services.scorer.domain.serving import Served
from services.scorer.messages import MAX_TEXT, is_date, purpose_from_proto, wish_from_proto
from services.scorer.recording import receipt_to_proto
from services.scorer.streaming import RecordedChunk
from shared.errors import FieldViolation, InvalidInput
from shared.prediction_record.chunks import doubles_in_place, from_doubles, to_doubles
from shared.rpc.encoded import Encoded
from shared.rpc.statuses import to_status
from shared.wire import field_head

Entry = TypeVar("Entry", np.float64, np.uint8, np.int32)
ARROW_BYTES: Final = 2 * CHUNK_BYTES
"""A chunk of Arrow has names, bitmaps and padding besides its values."""
_SPLITS: Final = ("train", "test", "production")


def settings_of(pieces: Iterator[Piece]) -> stream_pb2.StreamSettings:
    """Return the settings that a stream begins with; raises InvalidInput if it begins with anything else."""
    first = next(pieces, None)
    if first is None or not first.message.HasField("settings"):
        raise InvalidInput.of("settings", "are not there; send them first, before any chunk")
    return first.message.settings


def stream_order(settings: stream_pb2.StreamSettings, served: Served, *, caller: str) -> Order:
    """Return how a stream's rows are scored; raises InvalidInput, SCHEMA_MISMATCH for rows of another schema."""
    try:
        if settings.as_of_date and not is_date(settings.as_of_date):
            raise InvalidInput.of("as_of_date", "is not a date; give YYYY-MM-DD, or leave it empty")
        served.vectors.refuse_foreign_schema(settings.schema_digest, "schema_digest")
        purpose, wish = purpose_from_proto(settings.purpose), wish_from_proto(settings)
    except InvalidInput as error:
        below = [replace(each, field=f"settings.{each.field}") for each in error.violations]
        raise InvalidInput(below, reason=error.reason, metadata=error.metadata) from error
    return Order(served, wish, purpose, caller, "StreamScore", settings.as_of_date)


def dataset_order(request: stream_pb2.ScoreDatasetRequest, served: Served, *, caller: str) -> Order:
    """Return how the rows of a data set are scored; raises InvalidInput."""
    if request.split not in _SPLITS:
        raise InvalidInput.of("split", f"is none of {', '.join(_SPLITS)}")
    purpose, wish = purpose_from_proto(request.purpose), wish_from_proto(request)
    return Order(served, wish, purpose, caller, "ScoreDataset")


def chunks_from_proto(pieces: Iterator[Piece], *, features: Sequence[str]) -> Iterator[Rows]:
    """Yield the chunks of a stream of those features; raises InvalidInput at the first that is none, and says which."""
    first_row = 0
    arrow = ArrowReader(features, refuse_large=partial(_refuse_large, n_features=len(features)))
    for number, piece in enumerate(pieces):
        if not piece.message.HasField("chunk"):
            raise InvalidInput.of("settings", "are there again; after the first message only chunks may follow")
        path = f"chunk[{number}]"
        values = _values(piece, arrow, len(features), path)
        applicant_ids = _applicant_ids(piece.message.chunk, len(values), path)
        yield Rows(first_row, values, applicant_ids)
        first_row += len(values)


def stream_reply(recorded: RecordedChunk) -> Encoded:
    """Return the next reply of StreamScore or ScoreDataset, whose replies are alike.

    The contributions are put beside the rest by hand, since protobuf would copy them, megabytes, four times.
    """
    rest, matrix = _answers(recorded).SerializeToString(), doubles_in_place(_contributions(recorded.answer))
    head = field_head(stream_pb2.ScoredChunk.CONTRIBUTIONS_FIELD_NUMBER, len(matrix)) if len(matrix) else b""
    whole = field_head(stream_pb2.StreamScoreResponse.CHUNK_FIELD_NUMBER, len(rest) + len(head) + len(matrix))
    return Encoded(b"".join((whole, rest, head, matrix)), recorded.answer.order.served.model_version)


def _answers(recorded: RecordedChunk) -> stream_pb2.ScoredChunk:
    """Return the answers about a chunk but for the contributions, in columns with an entry for each row sent."""
    message = stream_pb2.ScoredChunk()
    answer = recorded.answer
    order, positions, rows = answer.order, answer.positions, len(answer.rows.values)
    columns, bundle = columns_of(answer.scored, positions), order.served.bundle
    message.prediction = f"{order.served.model_version}/predictions/{recorded.prediction_id}"
    message.model_version = order.served.model_version
    message.create_time.FromDatetime(recorded.create_time)
    message.first_row, message.rows = answer.rows.first_row, rows
    message.probabilities = to_doubles(_spread(columns.probabilities, positions, rows, np.nan))
    message.margins = to_doubles(_spread(columns.margins, positions, rows, np.nan))
    message.decisions = _spread(columns.decisions, positions, rows, 0).tobytes()
    message.baseline, message.threshold = bundle.scoring.baseline, bundle.threshold
    message.baseline_probability = bundle.scoring.baseline_probability
    message.applicant_ids.extend(answer.rows.applicant_ids)
    _explain(message, answer, positions)
    for row, error in sorted(answer.refusals.items()):
        message.refusals.add(row=row, status=to_status(error))
    if recorded.receipt is not None:
        message.receipt.CopyFrom(receipt_to_proto(recorded.receipt))
    return message


def _explain(message: stream_pb2.ScoredChunk, answer: ChunkAnswer, positions: NDArray[np.int64]) -> None:
    scored, wish = answer.scored, answer.order.wish
    if wish.detail is Detail.NONE:
        return
    message.probability_scales = to_doubles(_spread(scored.scales, positions, message.rows, np.nan))
    if wish.detail is not Detail.ALL:
        principal = principal_positions(
            scored.contributions, wish.principal, answer.order.served.bundle.schema.reason_groups
        )
        message.principal_features = _spread(principal, positions, message.rows, -1).astype("<i4").tobytes()


def _contributions(answer: ChunkAnswer) -> NDArray[np.float64]:
    """Return what is sent of the contributions, with a row for each row that was sent; none unless all are wished."""
    if answer.order.wish.detail is not Detail.ALL:
        return np.empty(0)
    return _spread(answer.scored.contributions, answer.positions, len(answer.rows.values), np.nan)


def _values(piece: Piece, arrow: ArrowReader, n_features: int, path: str) -> NDArray[np.float64]:
    """Return the values of a chunk, (n_rows, n_features), however they came."""
    arrow_ipc = piece.message.chunk.arrow_ipc
    if not arrow_ipc:
        return _packed(piece.values, n_features, f"{path}.values")
    if piece.values:
        raise InvalidInput.of(f"{path}.arrow_ipc", "is there beside values; send either")
    if len(arrow_ipc) > ARROW_BYTES:
        raise InvalidInput.of(f"{path}.arrow_ipc", f"is larger than {ARROW_BYTES} bytes; send less")
    return arrow.read(arrow_ipc, f"{path}.arrow_ipc")


def _packed(content: bytes | memoryview, n_features: int, path: str) -> NDArray[np.float64]:
    row_bytes = 8 * n_features
    if not content or len(content) % row_bytes:
        why = f"holds {len(content)} bytes; a row of this schema has {row_bytes}, and a chunk has at least one"
        raise InvalidInput.of(path, why)
    _refuse_large(len(content) // row_bytes, path, n_features=n_features)
    return from_doubles(content, columns=n_features)


def _refuse_large(rows: int, path: str, *, n_features: int) -> None:
    if rows > chunk_rows(n_features):
        raise InvalidInput.of(path, f"is larger than {CHUNK_BYTES} bytes or {CHUNK_ROWS} rows; send less")


def _applicant_ids(chunk: stream_pb2.RowChunk, rows: int, path: str) -> list[str]:
    applicant_ids = list(chunk.applicant_ids)
    if len(applicant_ids) not in (0, rows):
        raise InvalidInput.of(f"{path}.applicant_ids", f"holds {len(applicant_ids)} for {rows} rows; give all or none")
    long = [place for place, each in enumerate(applicant_ids) if len(each) > MAX_TEXT]
    if long:
        why = f"is longer than {MAX_TEXT} characters; shorten it"
        raise InvalidInput([FieldViolation(f"{path}.applicant_ids[{place}]", why) for place in long])
    return applicant_ids


def _spread(answered: NDArray[Entry], positions: NDArray[np.int64], rows: int, nothing: float) -> NDArray[Entry]:
    """Return an array with an entry for each row of the chunk, `nothing` for each refused one."""
    if len(positions) == rows:
        return answered
    whole = np.full((rows, *answered.shape[1:]), nothing, dtype=answered.dtype)
    whole[positions] = answered
    return whole
