"""StreamScore in Arrow: the answers and the record of packed doubles, or a refusal that names the column."""

from collections.abc import Iterator

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from counterfoil.client.arrow import ArrowRows, arrow_requests
from counterfoil.scorer.v1 import stream_pb2
from counterfoil.types.v1 import prediction_pb2
from services.scorer.stream_messages import ARROW_BYTES
from tests.arrow import stream_of, table_of
from tests.bundles import SCHEMA, TinyBundle, tiny_bundle
from tests.fakes import FakeMonitor, FakeRegistry, monitor_server
from tests.service.scoring import Scorer, failure, scorer
from tests.service.streams import chunk_of, settings_for, streamed

COLUMNS = ("margins", "probabilities", "decisions", "contributions", "probability_scales", "applicant_ids")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return the bundle that serves in this module."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=31)


@pytest.fixture(scope="module")
def monitor() -> FakeMonitor:
    """Return the monitor that gets what was recorded."""
    return FakeMonitor()


@pytest.fixture(scope="module")
def running(bundle: TinyBundle, monitor: FakeMonitor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scorer]:
    """Give a scorer that serves the bundle and ships to the monitor."""
    registry = FakeRegistry()
    registry.register(bundle, alias="champion")
    folder = tmp_path_factory.mktemp("state")
    with monitor_server(monitor) as address, scorer(folder, registry, monitor_address=address) as it:
        yield it


def arrow_chunk(content: bytes, **fields: object) -> stream_pb2.StreamScoreRequest:
    """Return a chunk of an Arrow stream."""
    return stream_pb2.StreamScoreRequest(chunk=stream_pb2.RowChunk(arrow_ipc=content, **fields))  # type: ignore[arg-type]


def inputs_of(monitor: FakeMonitor, told: stream_pb2.ScoredChunk) -> bytes:
    """Return the inputs that the log has of a chunk."""
    monitor.wait_for_records(told.receipt.sequence)
    (record,) = (each for each in monitor.records if each.hash == told.receipt.hash)
    return prediction_pb2.PersonalPart.FromString(record.personal_part).chunk.values


def with_refused_rows(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rows, two of them with a value that nobody may send."""
    changed = np.array(values)
    changed[3, SCHEMA.names.index("AMT_CREDIT")] = np.inf
    changed[7, SCHEMA.names.index("AMT_CREDIT")] = -np.inf
    return changed


@pytest.mark.parametrize("rows_a_batch", [7, 50])
def test_arrow_is_answered_and_recorded_as_packed_doubles_are(
    running: Scorer, bundle: TinyBundle, monitor: FakeMonitor, rows_a_batch: int
) -> None:
    """To the bit, whatever the order of its columns; a bad row spoils only itself."""
    values, ids = with_refused_rows(bundle.values[:50]), [f"{place}" for place in range(50)]
    table = table_of(SCHEMA.names, values).select(list(reversed(SCHEMA.names)))
    arrow = arrow_chunk(stream_of(table, rows_a_batch=rows_a_batch), applicant_ids=ids)

    packed, same = streamed(running, [settings_for(running), chunk_of(values, tuple(ids)), arrow])

    assert [getattr(same, column) for column in COLUMNS] == [getattr(packed, column) for column in COLUMNS]
    assert [each.row for each in same.refusals] == [3, 7]
    assert list(same.refusals) == list(packed.refusals)
    assert (same.first_row, same.rows) == (50, 50)
    assert inputs_of(monitor, same) == inputs_of(monitor, packed)


def test_the_client_streams_what_speaks_arrow(running: Scorer, bundle: TinyBundle) -> None:
    """Tables and frames of several libraries, cut into chunks as large as the scorer takes."""
    values = np.concatenate([bundle.values] * 20)
    table = table_of(SCHEMA.names, values).append_column("SK_ID_CURR", pa.array(range(len(values))))
    frames: list[ArrowRows] = [table, pl.DataFrame(table), table.to_pandas()]
    settings = settings_for(running, purpose=prediction_pb2.PURPOSE_TEST).settings
    expected = b"".join(
        each.margins for each in streamed(running, [settings_for(running), *map(chunk_of, np.split(values, 20))])
    )

    for frame in frames:
        chunks = streamed(running, arrow_requests(settings, frame, applicant_column="SK_ID_CURR"))

        assert b"".join(each.margins for each in chunks) == expected
        assert [each for chunk in chunks for each in chunk.applicant_ids] == [str(each) for each in range(len(values))]


def test_the_client_sends_an_applicant_who_is_not_known_as_an_empty_text(bundle: TinyBundle) -> None:
    """A message has no other way to say it."""
    table = table_of(SCHEMA.names, bundle.values[:3]).append_column("SK_ID_CURR", pa.array([1, None, 3]))

    _settings, sent = arrow_requests(stream_pb2.StreamSettings(), table, applicant_column="SK_ID_CURR")

    assert list(sent.chunk.applicant_ids) == ["1", "", "3"]


@pytest.mark.parametrize(
    "table", [pa.table({"a": [1.0]}), pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["id", "id"])]
)
def test_the_client_names_a_wrong_applicant_column_before_the_call(table: pa.Table) -> None:
    """Raised within the call, nobody would see it."""
    with pytest.raises(KeyError, match="id"):
        arrow_requests(stream_pb2.StreamSettings(), table, applicant_column="id")


@pytest.mark.parametrize(
    ("chunk", "path"),
    [
        (arrow_chunk(b"not arrow"), "chunk[0].arrow_ipc"),
        (arrow_chunk(b"\0" * (ARROW_BYTES + 1)), "chunk[0].arrow_ipc"),
        (arrow_chunk(b"x", values=b"\0" * 8), "chunk[0].arrow_ipc"),
        (arrow_chunk(stream_of(pa.table({"x": [1.0]}))), 'chunk[0].arrow_ipc["x"]'),
        (
            arrow_chunk(stream_of(pa.table({name: np.zeros(16_385, np.int8) for name in SCHEMA.names}))),
            "chunk[0].arrow_ipc",
        ),
        (
            arrow_chunk(stream_of(pa.table({name: [0.0] for name in SCHEMA.names})), applicant_ids=["a", "b"]),
            "chunk[0].applicant_ids",
        ),
    ],
)
def test_what_is_no_chunk_of_arrow_ends_the_stream(
    running: Scorer, chunk: stream_pb2.StreamScoreRequest, path: str
) -> None:
    """INVALID_ARGUMENT, with chunk, field and column."""
    error = failure(lambda: streamed(running, [settings_for(running), chunk]))

    assert (error.code, error.fields[0].field) == ("INVALID_ARGUMENT", path)
