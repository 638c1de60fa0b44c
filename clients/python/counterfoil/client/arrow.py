"""Rows of whatever speaks Arrow to the requests of a StreamScore call."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Protocol

from counterfoil.scorer.v1 import stream_pb2

if TYPE_CHECKING:
    import pyarrow as pa

# What the scorer takes at once: RowChunk.arrow_ipc in stream.proto.
_CHUNK_BYTES: Final = 2 << 20
_CHUNK_ROWS: Final = 16_384


class ArrowRows(Protocol):
    """Rows in columns: a table or frame of pyarrow, Polars, pandas, DuckDB and others."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the rows as the capsule of Arrow's C stream interface."""


def arrow_requests(
    settings: stream_pb2.StreamSettings, rows: ArrowRows, *, applicant_column: str = ""
) -> Iterator[stream_pb2.StreamScoreRequest]:
    """Return what StreamScore is asked: the settings, then the rows, each batch in chunks that the scorer takes.

    The columns are the served model's features by name, in any order; a null is a missing value. One more may hold the
    applicants, an empty text in place of a null. Raises, before anything is sent, ImportError without pyarrow, and
    KeyError if there is no such applicant column, or more than one.
    """
    import pyarrow as pa

    reader = pa.RecordBatchReader.from_stream(rows)
    if applicant_column and reader.schema.names.count(applicant_column) != 1:
        raise KeyError(applicant_column)
    # gRPC reads requests in a thread of its own, where nobody would see what is raised.
    return _requests(settings, reader, applicant_column)


def _requests(
    settings: stream_pb2.StreamSettings, reader: "pa.RecordBatchReader", applicant_column: str
) -> Iterator[stream_pb2.StreamScoreRequest]:
    yield stream_pb2.StreamScoreRequest(settings=settings)
    columns = len(reader.schema.names) - bool(applicant_column)
    at_once = max(1, min(_CHUNK_ROWS, _CHUNK_BYTES // (8 * max(1, columns))))
    for batch in reader:
        for start in range(0, batch.num_rows, at_once):
            chunk = _chunk(batch.slice(start, at_once), applicant_column)
            yield stream_pb2.StreamScoreRequest(chunk=chunk)


def _chunk(batch: "pa.RecordBatch", applicant_column: str) -> stream_pb2.RowChunk:
    import pyarrow as pa

    applicant_ids: list[Any] = []
    if applicant_column:
        applicant_ids = batch.column(applicant_column).cast(pa.string()).fill_null("").to_pylist()
        batch = batch.drop_columns([applicant_column])
    content = pa.BufferOutputStream()
    with pa.ipc.new_stream(content, batch.schema) as writer:
        writer.write_batch(batch)
    return stream_pb2.RowChunk(arrow_ipc=content.getvalue().to_pybytes(), applicant_ids=applicant_ids)
