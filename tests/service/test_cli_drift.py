"""`counterfoil drift` over a real channel."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.rpc import code_pb2

from counterfoil.monitor.v1 import monitor_pb2
from counterfoil.types.v1 import job_pb2
from tests.service import cli_samples as samples
from tests.service.fake_services import FakeServices, fake_services


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """Run the fake services."""
    with fake_services() as fake:
        yield fake


def test_create_over_a_window_sends_its_bounds(services: FakeServices) -> None:
    """Times are UTC; columns keep their order."""
    services.answer("CreateDriftReport", samples.drift_report())
    window = ("--last", "200", "--since", "2026-01-01", "--until", "2026-02-01T12:00:00")

    services.run("drift", "create", "--model", "2", *window, "--columns", "B, A", "--max-rows", "500", "--no-wait")

    (request,) = services.asked("CreateDriftReport")
    assert request.model_version == samples.VERSION
    assert request.window.last_count == 200
    assert request.window.start_time.ToJsonString() == "2026-01-01T00:00:00Z"
    assert request.window.end_time.ToJsonString() == "2026-02-01T12:00:00Z"
    assert (list(request.columns), request.max_rows) == (["B", "A"], 500)


def test_create_over_production_follows_the_report(services: FakeServices) -> None:
    """The verdict is told as a whole and by column, drifted columns first."""
    services.answer("CreateDriftReport", samples.drift_report(samples.job(job_pb2.JOB_STATE_QUEUED)))
    services.answer("WatchDriftReport", monitor_pb2.WatchDriftReportResponse(drift_report=samples.drift_report()))

    outcome = services.run("drift", "create", "--production")

    (request,) = services.asked("CreateDriftReport")
    assert request.WhichOneof("current") == "production"
    assert request.model_version == "models/credit-default/versions/champion"
    assert "DRIFTED: 50.0% of columns drifted, bound 50.0%" in outcome.stdout
    assert outcome.stdout.index("DAYS_BIRTH") < outcome.stdout.index("AMT_CREDIT")
    assert "no value on one side" in outcome.stdout


@pytest.mark.parametrize("arguments", [(), ("--production", "--last", "5")])
def test_create_wants_either_production_or_a_window(services: FakeServices, arguments: tuple[str, ...]) -> None:
    """Comparing both at once or nothing at all is wrong usage."""
    outcome = services.run("drift", "create", *arguments)

    assert outcome.exit_code == 2
    assert "either --production or a window" in outcome.stderr


def test_window_that_is_too_small_is_told_as_such(services: FakeServices) -> None:
    """A report without a comparison is no error and no verdict."""
    report = samples.drift_report()
    report.outcome = monitor_pb2.DRIFT_OUTCOME_WINDOW_TOO_SMALL
    report.current_rows, report.minimum_rows = 7, 100
    services.answer("GetDriftReport", report)

    outcome = services.run("drift", "get", "dr-0123456789ab")

    assert outcome.exit_code == 0
    assert services.asked("GetDriftReport")[0].name == samples.REPORT
    assert "window too small: 7 rows, 100 are needed" in outcome.stdout


def test_watch_and_cancel_take_the_short_name(services: FakeServices) -> None:
    """A cancelled report ends a watch with exit code 3, and a cancel with 0."""
    cancelled = samples.drift_report(samples.job(job_pb2.JOB_STATE_CANCELLED))
    services.answer("CancelDriftReport", cancelled)
    services.answer("WatchDriftReport", monitor_pb2.WatchDriftReportResponse(drift_report=cancelled))

    codes = [services.run("drift", verb, "dr-0123456789ab").exit_code for verb in ("cancel", "watch")]

    assert codes == [0, 3]
    assert services.asked("CancelDriftReport")[0].name == samples.REPORT


def test_read_writes_the_chunks_to_the_file(services: FakeServices, tmp_path: Path) -> None:
    """The file holds the document byte for byte, and --json tells where."""
    chunks = [monitor_pb2.ReadDriftReportResponse(chunk=part) for part in (b"<html>", "ü".encode(), b"</html>")]
    services.answer("ReadDriftReport", *chunks)
    file = tmp_path / "drift.html"

    outcome = services.run("drift", "read", "dr-0123456789ab", "--format", "html", "--output", str(file), "--json")

    assert file.read_text() == "<html>ü</html>"
    assert services.asked("ReadDriftReport")[0].format == monitor_pb2.DRIFT_REPORT_FORMAT_HTML
    assert json.loads(outcome.stdout)["bytes"] == 15


def test_read_that_breaks_off_leaves_no_half_file(services: FakeServices, tmp_path: Path) -> None:
    """Half a page could be taken for the whole."""
    broken = samples.refusal(code_pb2.INTERNAL, "INTERNAL", "the disk went away")
    services.answer("ReadDriftReport", monitor_pb2.ReadDriftReportResponse(chunk=b"<html>"), broken)
    (file := tmp_path / "drift.html").write_text("old")

    outcome = services.run("drift", "read", "dr-0123456789ab", "--output", str(file))

    assert outcome.exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["drift.html"]
    assert file.read_text() == "old"


def test_read_into_a_folder_that_is_not_there_is_a_clear_error(services: FakeServices, tmp_path: Path) -> None:
    """The path and the system's reason are named."""
    services.answer("ReadDriftReport", monitor_pb2.ReadDriftReportResponse(chunk=b"x"))

    outcome = services.run("drift", "read", "dr-0123456789ab", "--output", str(tmp_path / "no" / "drift.html"))

    assert outcome.exit_code == 1
    assert "No such file or directory (FILE_UNWRITABLE)" in outcome.stderr


def test_status_of_an_alias_is_asked_by_its_number(services: FakeServices) -> None:
    """The monitor knows numbers only; the trainer knows which one the champion is."""
    services.answer("GetModelVersion", samples.model_version())
    services.answer("GetDriftStatus", monitor_pb2.DriftStatus(model_version=samples.VERSION, prediction_count=1234))

    outcome = services.run("drift", "status")

    assert services.asked("GetModelVersion")[0].name == "models/credit-default/versions/champion"
    assert services.asked("GetDriftStatus")[0].model_version == samples.VERSION
    assert "none yet" in outcome.stdout
    assert "1,234" in outcome.stdout


def test_list_filters_by_version(services: FakeServices) -> None:
    """A number needs no look-up."""
    page = monitor_pb2.ListDriftReportsResponse(drift_reports=[samples.drift_report()])
    services.answer("ListDriftReports", page)

    outcome = services.run("drift", "list", "--model", "2")

    assert services.asked("ListDriftReports")[0].model_version == samples.VERSION
    assert services.asked("GetModelVersion") == []
    assert "newest 200 predictions" in outcome.stdout


def test_unchanged_status_says_so_and_claims_nothing_else(services: FakeServices) -> None:
    """The monitor sent its etag alone: neither a verdict nor a count is known from it."""
    services.answer("GetDriftStatus", monitor_pb2.DriftStatus(etag="e1"))

    outcome = services.run("drift", "status", "2", "--etag", "e1")

    assert services.asked("GetDriftStatus")[0].etag == "e1"
    assert outcome.stderr == "nothing has changed\n"
    assert outcome.stdout.split() == ["etag", "e1"]


def test_status_of_a_version_is_followed_until_the_service_ends_it(services: FakeServices) -> None:
    """Each news is shown; a name that is no report's is a model version."""
    services.answer("WatchDriftStatus", monitor_pb2.WatchDriftStatusResponse(status=samples.drift_status()))

    outcome = services.run("drift", "watch", "credit-default/2")

    assert services.asked("WatchDriftStatus")[0].model_version == samples.VERSION
    assert outcome.exit_code == 0
    assert "DRIFTED: 1 of 6 features" in outcome.stdout
