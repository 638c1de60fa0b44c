"""`counterfoil audit verify-log` over a real channel."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from counterfoil.monitor.v1 import verification_pb2
from tests.service.fake_services import FakeServices, fake_services

_RECEIPT = f"spool-1 record 12 hash {'ab' * 32}"
_PROGRESS = verification_pb2.VerifyLogResponse(
    progress=verification_pb2.LogProgress(files=16, total_files=32, records=4_000)
)


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """Run the fake services."""
    with fake_services() as fake:
        yield fake


def verdict(**fields: object) -> verification_pb2.VerifyLogResponse:
    """Return the last message of a check."""
    return verification_pb2.VerifyLogResponse(verdict=verification_pb2.LogVerdict(**fields))  # type: ignore[arg-type]  # by name


def test_a_proven_log_is_told_with_what_was_checked(services: FakeServices, tmp_path: Path) -> None:
    """The range and the receipts reach the monitor; progress is on stderr."""
    services.answer("VerifyLog", _PROGRESS, verdict(intact=True, segments=7, records=8_000, receipts=1))
    (file := tmp_path / "receipts.txt").write_text(f"{_RECEIPT}\n")

    outcome = services.run(
        *("audit", "verify-log", "--instance", "spool-1", "--first", "3", "--since", "2026-01-02"),
        *("--receipts", str(file)),
    )

    (request,) = services.asked("VerifyLog")
    assert (request.instance, request.first_number, request.HasField("last_number")) == ("spool-1", 3, False)
    assert request.start_time.ToDatetime(UTC) == datetime(2026, 1, 2, tzinfo=UTC)
    assert [(each.sequence, each.hash.hex()) for each in request.receipts] == [(12, "ab" * 32)]
    assert outcome.exit_code == 0
    assert all(word in outcome.stdout for word in ("intact", "8,000"))
    assert "4,000 records" in outcome.stderr


def test_what_is_wrong_is_named_and_the_exit_code_tells(services: FakeServices) -> None:
    """A nightly job notices, and an auditor knows where to look."""
    fault = verification_pb2.LogFault(
        kind=verification_pb2.LOG_FAULT_KIND_RECORD_CHANGED,
        instance="spool-1",
        number=4,
        sequence=31,
        file="day=2026-03-01/x.parquet",
        problem="the record's hash does not follow from what it holds",
    )
    services.answer("VerifyLog", verdict(fault=fault))

    outcome = services.run("audit", "verify-log")

    assert outcome.exit_code == 1
    assert "instance spool-1 segment 4 record 31: the record's hash does not follow" in outcome.stderr
    assert "LOG_NOT_INTACT" in outcome.stderr
    assert "day=2026-03-01/x.parquet" in outcome.stdout


def test_a_line_that_is_no_receipt_is_wrong_usage(services: FakeServices, tmp_path: Path) -> None:
    """The monitor is not asked."""
    (file := tmp_path / "receipts.txt").write_text(f"{_RECEIPT}\nspool-1:12\n")

    outcome = services.run("audit", "verify-log", "--receipts", str(file))

    assert outcome.exit_code == 2
    assert "line 2" in outcome.stderr
    assert services.asked("VerifyLog") == []
