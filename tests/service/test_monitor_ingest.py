"""IngestPredictions and GetDriftStatus over a real channel."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from deltalake import DeltaTable
from grpc_health.v1 import health_pb2, health_pb2_grpc

from counterfoil.client.channels import open_channel
from counterfoil.client.errors import call_error
from counterfoil.monitor.v1 import alert_pb2, monitor_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from counterfoil.types.v1 import prediction_pb2
from services.monitor.app import SERVICE, build
from services.monitor.messages import MAX_SEGMENT_BYTES
from services.monitor.settings import Settings
from shared.errors import Precondition
from shared.prediction_record.chain import segment_digest
from tests.service.monitors import HANGING_JOB, monitor, settings_in
from tests.unit.monitor.models import MODEL_VERSION, KnownModels, model_facts
from tests.unit.monitor.segments import NOW, Spool, numbered, seeded_values


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings in a folder of their own."""
    return settings_in(tmp_path)


@pytest.fixture
def stub(settings: Settings) -> Iterator[MonitorServiceStub]:
    """Run a monitor that knows one model."""
    with monitor(settings, models=KnownModels(model_facts()), job_command=HANGING_JOB) as running:
        yield running


def send(stub: MonitorServiceStub, segment: prediction_pb2.Segment) -> monitor_pb2.IngestPredictionsResponse:
    """Hand over a segment."""
    return stub.IngestPredictions(monitor_pb2.IngestPredictionsRequest(segment=segment))


def alerts(stub: MonitorServiceStub) -> list[tuple[str, str]]:
    """Return reason and subject of what was kept for an auditor."""
    found = stub.ListAlerts(alert_pb2.ListAlertsRequest()).alerts
    return [(alert.reason, alert.subject) for alert in found]


@contextmanager
def without_alerts(database: Path) -> Iterator[None]:
    """Let no alert be kept for the length of a `with` block."""
    with sqlite3.connect(database) as connection:
        connection.execute("ALTER TABLE alerts RENAME TO alerts_gone")
    yield
    with sqlite3.connect(database) as connection:
        connection.execute("ALTER TABLE alerts_gone RENAME TO alerts")


def status(stub: MonitorServiceStub, etag: str = "", model_version: str = MODEL_VERSION) -> monitor_pb2.DriftStatus:
    """Ask for a model's status."""
    return stub.GetDriftStatus(monitor_pb2.GetDriftStatusRequest(model_version=model_version, etag=etag))


def test_a_segment_is_acknowledged_once_it_is_stored(stub: MonitorServiceStub, settings: Settings) -> None:
    """The acknowledgement names what may be deleted, and what is sent again is known."""
    segment, _ = Spool().seal(seeded_values(3))

    first, second = send(stub, segment), send(stub, segment)

    assert (first.instance, first.number, first.already_stored) == ("spool-1", 1, False)
    assert (second.instance, second.number, second.already_stored) == ("spool-1", 1, True)
    assert DeltaTable(str(settings.ledger)).to_pyarrow_table(columns=["sequence"]).num_rows == 3
    assert not alerts(stub)


def test_other_content_under_the_same_number_is_refused(stub: MonitorServiceStub) -> None:
    """Nothing of it is stored."""
    send(stub, Spool().seal(seeded_values(3))[0])

    with pytest.raises(grpc.RpcError) as refused:
        send(stub, Spool().seal(seeded_values(2, seed=9))[0])

    error = call_error(refused.value)
    assert (error.code, error.reason) == ("ALREADY_EXISTS", "SEGMENT_CONFLICT")
    assert error.metadata == {"instance": "spool-1", "number": "1"}
    assert status(stub).prediction_count == 3


def test_an_altered_record_is_refused_by_its_path(stub: MonitorServiceStub) -> None:
    """A segment whose digest does not verify never reaches the log."""
    segment, _ = Spool().seal(seeded_values(3))
    segment.records[1].personal_part += b"\x08"
    segment.digest = segment_digest(segment)

    with pytest.raises(grpc.RpcError) as refused:
        send(stub, segment)

    error = call_error(refused.value)
    assert (error.code, error.reason) == ("INVALID_ARGUMENT", "SEGMENT_CORRUPT")
    assert [problem.field for problem in error.fields] == ["segment.records[1].personal_part"]
    assert status(stub).prediction_count == 0


def _broken_link(segment: prediction_pb2.Segment) -> None:
    segment.records[1].decision_part += segment.records[1].decision_part[:2]


def _broken_digest(segment: prediction_pb2.Segment) -> None:
    segment.digest = b"d" * 32


def _numbered_too_high(segment: prediction_pb2.Segment) -> None:
    segment.number = 2**63


def _named_at_length(segment: prediction_pb2.Segment) -> None:
    segment.instance = "x" * 129


def _too_large(segment: prediction_pb2.Segment) -> None:
    segment.records[0].personal_part = bytes(MAX_SEGMENT_BYTES)


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        (_broken_link, "SEGMENT_CORRUPT", "segment.records[1].hash"),
        (_broken_digest, "SEGMENT_CORRUPT", "segment.digest"),
        (_numbered_too_high, "INVALID_FIELD", "segment.number"),
        (_named_at_length, "INVALID_FIELD", "segment.instance"),
        (_too_large, "SEGMENT_TOO_LARGE", "segment"),
    ],
)
def test_a_segment_that_no_scorer_seals_is_refused_and_nothing_of_it_stored(
    stub: MonitorServiceStub,
    settings: Settings,
    change: Callable[[prediction_pb2.Segment], None],
    reason: str,
    field: str,
) -> None:
    """Its reason and its field are told, and the next sound one is taken as the first."""
    broken, sound = (Spool().seal(seeded_values(3))[0] for _ in range(2))
    change(broken)

    with pytest.raises(grpc.RpcError) as refused:
        send(stub, broken)

    error = call_error(refused.value)
    assert (error.code, error.reason) == ("INVALID_ARGUMENT", reason)
    assert [problem.field for problem in error.fields] == [field]
    assert not list((settings.folder / "log" / "ledger").rglob("*.parquet"))
    assert not send(stub, sound).already_stored


def test_a_request_without_a_segment_is_refused(stub: MonitorServiceStub) -> None:
    """An empty message is what a client of another version might send."""
    with pytest.raises(grpc.RpcError) as refused:
        stub.IngestPredictions(monitor_pb2.IngestPredictionsRequest())

    assert [problem.field for problem in call_error(refused.value).fields] == ["segment.instance"]


def test_a_gap_is_stored_and_told(stub: MonitorServiceStub) -> None:
    """Refusing would stop lending; the alert names instance and number."""
    first, spool = Spool().seal(seeded_values(3))
    send(stub, first)

    acknowledged = send(stub, numbered(spool.seal(seeded_values(2))[0], 4))

    assert not acknowledged.already_stored
    assert alerts(stub) == [("SEGMENT_GAP", "spool-1 segment 4")]
    assert status(stub).prediction_count == 5


def test_a_gap_whose_alert_could_not_be_kept_is_told_when_it_arrives_again(
    stub: MonitorServiceStub, settings: Settings
) -> None:
    """A full disk, or a kill between segment and alert, must not let a gap go unnoticed."""
    segment = numbered(Spool().seal(seeded_values(2))[1].seal(seeded_values(2))[0], 4)
    with without_alerts(settings.folder / "monitor.db"), pytest.raises(grpc.RpcError) as refused:
        send(stub, segment)

    acknowledged = send(stub, segment)

    assert call_error(refused.value).reason == "MONITOR_DATABASE_UNAVAILABLE"
    assert acknowledged.already_stored
    assert alerts(stub) == [("SEGMENT_GAP", "spool-1 segment 4")]


def test_the_status_counts_predictions_and_is_its_tag_alone_if_unchanged(stub: MonitorServiceStub) -> None:
    """A cheap poll: the tag changes with the log, and only then."""
    send(stub, Spool("a").seal(seeded_values(3), purposes=[1, 2, 4])[0])

    first = status(stub)
    unchanged = status(stub, first.etag)
    send(stub, Spool("b").seal(seeded_values(2))[0])
    changed = status(stub, first.etag)

    assert (first.prediction_count, first.model_version) == (3, MODEL_VERSION)
    assert first.last_prediction_time.ToSeconds() == int(NOW.timestamp()) + 2
    assert not first.HasField("drifted")
    assert unchanged == monitor_pb2.DriftStatus(etag=first.etag)
    assert (changed.prediction_count, changed.etag != first.etag) == (5, True)


@pytest.mark.parametrize(
    ("model_version", "code", "reason"),
    [
        ("models/credit-default/versions/9", "NOT_FOUND", "MODEL_VERSION_NOT_FOUND"),
        ("models/credit-default/versions/champion", "INVALID_ARGUMENT", "INVALID_FIELD"),
        ("credit-default", "INVALID_ARGUMENT", "INVALID_FIELD"),
    ],
)
def test_the_status_of_what_is_no_version_is_an_error(
    stub: MonitorServiceStub, model_version: str, code: str, reason: str
) -> None:
    """A mistyped name must not look like a quiet model."""
    with pytest.raises(grpc.RpcError) as refused:
        status(stub, model_version=model_version)

    error = call_error(refused.value)
    assert (error.code, error.reason) == (code, reason)


def test_a_restarted_monitor_goes_on_where_it_stopped(settings: Settings) -> None:
    """Chain, counts and tag come out of the log."""
    models = KnownModels(model_facts())
    first, spool = Spool().seal(seeded_values(3))
    second, _ = spool.seal(seeded_values(2))
    with monitor(settings, models=models, job_command=HANGING_JOB) as before:
        send(before, first)
        known = status(before).etag

    with monitor(settings, models=models, job_command=HANGING_JOB) as after:
        unchanged, repeated, continued = status(after, known), send(after, first), send(after, second)
        told = alerts(after)

    assert not unchanged.model_version
    assert (repeated.already_stored, continued.already_stored) == (True, False)
    assert not told


def test_a_second_monitor_in_the_same_folder_is_refused(settings: Settings) -> None:
    """Two would end each other's jobs; when the first has stopped, the next may come."""
    models = KnownModels()
    with (
        monitor(settings, models=models, job_command=HANGING_JOB),
        pytest.raises(Precondition) as refused,
    ):
        build(settings, models=models, job_command=HANGING_JOB)

    assert refused.value.reason == "STATE_IN_USE"
    build(settings, models=models, job_command=HANGING_JOB).stop()


def test_an_address_that_others_reach_is_refused_without_tls(tmp_path: Path) -> None:
    """The log holds applicants' data; and nothing is left locked behind."""
    exposed = Settings(monitor_address="0.0.0.0:0", state_dir=tmp_path)

    for _ in range(2):
        with pytest.raises(Precondition) as refused:
            build(exposed, models=KnownModels())
        assert refused.value.reason == "INSECURE_REMOTE_ADDRESS"


def test_health_answers_for_the_process_and_the_service(settings: Settings) -> None:
    """What an orchestrator asks."""
    app = build(settings, models=KnownModels(), job_command=HANGING_JOB)
    app.server.start()
    try:
        with open_channel(f"127.0.0.1:{app.server.port}") as channel:
            check = health_pb2_grpc.HealthStub(channel).Check  # type: ignore[attr-defined]  # untyped in typeshed
            found = [check(health_pb2.HealthCheckRequest(service=name)).status for name in ("", SERVICE)]
    finally:
        app.server.stop(grace_seconds=0)
        app.stop()

    assert found == [health_pb2.HealthCheckResponse.SERVING] * 2
