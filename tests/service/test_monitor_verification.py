"""VerifyLog over a real channel."""

from collections.abc import Iterator

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from counterfoil.client.errors import call_error
from counterfoil.monitor.v1 import monitor_pb2, verification_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from counterfoil.types.v1 import prediction_pb2
from services.monitor.settings import Settings
from services.monitor.verification_messages import MAX_RECEIPTS
from tests.service.monitors import HANGING_JOB, monitor, settings_in
from tests.unit.monitor.models import KnownModels, model_facts
from tests.unit.monitor.segments import Spool, seeded_values

RECEIPT = prediction_pb2.Receipt(instance="spool-1", sequence=1, hash=b"h" * 32)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return settings in a folder of their own."""
    return settings_in(tmp_path_factory.mktemp("verification"))


@pytest.fixture(scope="module")
def stub(settings: Settings) -> Iterator[MonitorServiceStub]:
    """Run a monitor with a log of twenty segments."""
    with monitor(settings, models=KnownModels(model_facts()), job_command=HANGING_JOB) as running:
        spool = Spool()
        for _ in range(20):
            segment, spool = spool.seal(seeded_values(2))
            running.IngestPredictions(monitor_pb2.IngestPredictionsRequest(segment=segment))
        yield running


def news(stub: MonitorServiceStub, **fields: object) -> list[verification_pb2.VerifyLogResponse]:
    """Return everything that a check tells."""
    return list(stub.VerifyLog(verification_pb2.VerifyLogRequest(**fields)))  # type: ignore[arg-type]  # by name


def test_progress_comes_first_and_the_verdict_last(stub: MonitorServiceStub) -> None:
    """A log that is as it was sealed is proven."""
    *progress, last = news(stub)

    assert [(each.progress.files, each.progress.total_files, each.progress.records) for each in progress] == [
        (16, 20, 32)
    ]
    assert last.verdict == verification_pb2.LogVerdict(intact=True, instances=1, segments=20, records=40, files=20)


def test_a_flipped_byte_is_named(stub: MonitorServiceStub, settings: Settings) -> None:
    """Where it is, and in which file."""
    file = max((settings.folder / "log" / "ledger").rglob("day=*/*.parquet"))
    sound = file.read_bytes()
    middle = len(sound) // 2
    file.write_bytes(sound[:middle] + bytes([sound[middle] ^ 1]) + sound[middle + 1 :])

    verdict = news(stub)[-1].verdict
    file.write_bytes(sound)

    assert not verdict.intact
    assert verdict.fault.file.endswith(file.name)
    assert (verdict.fault.instance, verdict.fault.number > 0) == ("spool-1", True)


def test_a_receipt_that_the_log_cannot_honour_is_named(stub: MonitorServiceStub) -> None:
    """The lender's word stands against the log's."""
    verdict = news(stub, receipts=[RECEIPT])[-1].verdict

    assert verdict.fault.kind == verification_pb2.LOG_FAULT_KIND_RECEIPT_DIFFERS
    assert (verdict.fault.instance, verdict.fault.sequence) == ("spool-1", 1)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"first_number": 2}, "first_number"),
        ({"instance": "spool-1", "first_number": 0}, "first_number"),
        ({"instance": "spool-1", "first_number": 3, "last_number": 2}, "last_number"),
        ({"start_time": Timestamp(seconds=5), "end_time": Timestamp(seconds=5)}, "end_time"),
        ({"start_time": Timestamp(seconds=2**60)}, "start_time"),
        ({"receipts": [prediction_pb2.Receipt(sequence=1, hash=b"h" * 32)]}, "receipts[0].instance"),
        ({"receipts": [RECEIPT, prediction_pb2.Receipt(instance="s", hash=b"h" * 32)]}, "receipts[1].sequence"),
        ({"receipts": [prediction_pb2.Receipt(instance="s", sequence=1, hash=b"h")]}, "receipts[0].hash"),
        ({"receipts": [RECEIPT] * (MAX_RECEIPTS + 1)}, "receipts"),
    ],
)
def test_what_is_no_range_and_no_receipt_is_refused(
    stub: MonitorServiceStub, fields: dict[str, object], field: str
) -> None:
    """By its field, before anything is read."""
    with pytest.raises(grpc.RpcError) as refused:
        news(stub, **fields)

    error = call_error(refused.value)
    assert (error.code, [problem.field for problem in error.fields]) == ("INVALID_ARGUMENT", [field])


def test_an_unknown_instance_is_not_found(stub: MonitorServiceStub) -> None:
    """A mistyped name must not look proven."""
    with pytest.raises(grpc.RpcError) as refused:
        news(stub, instance="spool-2")

    assert call_error(refused.value).reason == "INSTANCE_NOT_FOUND"
