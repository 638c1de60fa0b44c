"""Drift reports over a real channel: durable jobs, a real registry and log, a comparer that needs no Evidently."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mlflow.client import MlflowClient

from counterfoil.monitor.v1 import monitor_pb2
from counterfoil.types.v1 import job_pb2
from services.monitor.adapters.drift_runs import EXPERIMENT
from services.monitor.adapters.models import RegisteredModels
from services.monitor.servicer import CHUNK_BYTES
from shared.bundle.registry import ModelRegistry
from shared.errors import NotFound
from tests.bundles import SCHEMA
from tests.service.errands import METHOD, errands
from tests.service.monitors import (
    CHAMPION,
    CREDIT,
    DAY,
    EXTERNAL,
    VERSION,
    Sender,
    World,
    day,
    document,
    finished,
    monitor,
    register,
    settings_in,
)
from tests.unit.monitor.segments import NOW, Spool

HTML, JSON = monitor_pb2.DRIFT_REPORT_FORMAT_HTML, monitor_pb2.DRIFT_REPORT_FORMAT_JSON


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Run a monitor with a history."""
    folder = tmp_path_factory.mktemp("monitor")
    settings = settings_in(folder)
    registered = register(settings, folder)
    with errands(settings, folder / "errands") as command, monitor(settings, job_command=command) as stub:
        yield World(stub, registered, settings)


def test_data_against_itself_has_not_drifted(world: World) -> None:
    """The window holds exactly the training data; tests and other days do not count."""
    report = world.made(window=day(0))

    assert report.job.state == job_pb2.JOB_STATE_SUCCEEDED, report.job.error
    assert (report.model_version, report.outcome) == (VERSION, monitor_pb2.DRIFT_OUTCOME_COMPARED)
    assert (report.reference_rows, report.current_rows) == (600, 600)
    assert list(report.columns) == list(world.registered.tiny.contents.profile.heaviest(50))
    assert max(column.score for column in report.column_drifts) < 1e-9
    assert not report.drifted
    assert report.drifted_share == 0.0


def test_a_shifted_column_is_found_and_an_empty_one_reported(world: World) -> None:
    """The last decisions count, and of them the newest; a column without a value aborts nothing."""
    report = world.made(window=day(1), columns=["AMT_CREDIT", "EXT_SOURCE_2", "CODE_GENDER"], max_rows=250)

    credit, external, gender = report.column_drifts
    assert report.job.state == job_pb2.JOB_STATE_SUCCEEDED, report.job.error
    assert (credit.verdict, credit.method) == (monitor_pb2.COLUMN_VERDICT_DRIFTED, METHOD)
    assert credit.score >= credit.bound
    assert (external.verdict, external.current_missing_share) == (monitor_pb2.COLUMN_VERDICT_EMPTY, 1.0)
    assert 0.1 < external.reference_missing_share < 0.3
    assert gender.verdict == monitor_pb2.COLUMN_VERDICT_STABLE
    assert (report.current_rows, report.reference_rows, report.drifted_share) == (250, 250, 0.5)
    assert report.drifted


def test_a_report_is_kept_here_and_in_mlflow(world: World) -> None:
    """As a page in bounded chunks and as JSON; the run lies in the experiment of drift reports."""
    report = world.made(window=day(1), columns=["AMT_CREDIT", "EXT_SOURCE_2"])

    page, facts = document(world.stub, report.name, HTML), b"".join(document(world.stub, report.name, JSON))

    assert len(page) > 1
    assert {len(chunk) for chunk in page[:-1]} == {CHUNK_BYTES}
    assert "EXT_SOURCE_2" in b"".join(page).decode()
    assert json.loads(facts)["comparison"] == {"rows": 300, "categorical": [], "minimum": 100}
    run = MlflowClient.get_run(world.registered.client, report.run_id)
    assert world.registered.client.get_experiment(run.info.experiment_id).name == EXPERIMENT
    assert (run.info.status, run.data.tags["counterfoil.kind"]) == ("FINISHED", "drift")
    assert run.data.metrics["drifted_share"] == 1.0
    artifacts = {file.path for file in world.registered.client.list_artifacts(report.run_id, "drift")}
    assert artifacts == {"drift/report.html", "drift/report.json"}


def test_too_small_a_window_is_an_outcome_and_no_failure(world: World) -> None:
    """It says how many rows there were and how many it takes, and can be read."""
    report = world.made(window=day(2))

    assert report.job.state == job_pb2.JOB_STATE_SUCCEEDED, report.job.error
    assert report.outcome == monitor_pb2.DRIFT_OUTCOME_WINDOW_TOO_SMALL
    assert (report.current_rows, report.minimum_rows) == (5, 100)
    assert not report.HasField("drifted")
    assert b"fewer than 100 rows" in b"".join(document(world.stub, report.name, HTML))
    assert json.loads(b"".join(document(world.stub, report.name, JSON)))["comparison"] is None


def test_the_production_split_is_compared_but_is_no_status(world: World) -> None:
    """The status speaks of logged predictions alone."""
    before = world.status()

    report = world.made(production=monitor_pb2.ProductionSplit())

    assert report.job.state == job_pb2.JOB_STATE_SUCCEEDED, report.job.error
    assert (report.current_rows, report.reference_rows, report.drifted) == (200, 600, False)
    assert world.status() == before


def test_the_status_follows_the_newest_report(world: World) -> None:
    """Whoever sees a report succeed finds it in the status."""
    before = world.status()

    report = world.made(window=day(1), columns=["AMT_CREDIT"])
    after = world.status()

    assert after.etag != before.etag
    assert (after.drift_report, after.drifted, after.drifted_share) == (report.name, True, 1.0)
    assert after.report_time == report.job.end_time
    assert after.prediction_count == 600 + 300 + 200 + 5


def test_the_same_request_id_returns_the_first_report(world: World) -> None:
    """Also after the alias has moved to another version; other content is refused."""
    first = world.create(request_id="again", window=day(2))
    client, digest = world.registered.client, world.registered.digest
    source = client.get_model_version("credit-default", "1")
    client.create_model_version(
        "credit-default", str(source.source), run_id=source.run_id, tags={"counterfoil.bundle_digest": digest}
    )
    client.set_registered_model_alias("credit-default", "champion", "2")

    try:
        repeated = world.create(request_id="again", window=day(2))
        conflict = world.refused(request_id="again", window=day(1))
    finally:
        client.set_registered_model_alias("credit-default", "champion", "1")

    assert (repeated.name, repeated.model_version) == (first.name, VERSION)
    assert (conflict.code, conflict.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    finished(world.stub, first)


def test_unknown_columns_are_refused_by_their_place(world: World) -> None:
    """Before any job is made."""
    error = world.refused(window=day(0), columns=["AMT_CREDIT", "NO_SUCH", "TARGET"])

    assert (error.code, error.reason) == ("INVALID_ARGUMENT", "UNKNOWN_COLUMN")
    assert [problem.field for problem in error.fields] == ["columns[1]", "columns[2]"]


@pytest.mark.parametrize(
    ("fields", "code", "named"),
    [
        ({}, "INVALID_ARGUMENT", ["current"]),
        ({"window": day(0), "max_rows": 7}, "INVALID_ARGUMENT", ["max_rows"]),
        ({"window": monitor_pb2.PredictionWindow(last_count=-1)}, "INVALID_ARGUMENT", ["window.last_count"]),
        ({"window": day(0), "model_version": "credit-default"}, "INVALID_ARGUMENT", ["model_version"]),
        ({"window": day(0), "model_version": "models/no-such/versions/1"}, "NOT_FOUND", []),
        ({"window": day(0), "model_version": "models/credit-default/versions/77"}, "NOT_FOUND", []),
        ({"window": day(0), "model_version": "models/credit-default/versions/rival"}, "FAILED_PRECONDITION", []),
        ({"window": day(0), "request_id": "x" * 129}, "INVALID_ARGUMENT", ["request_id"]),
    ],
)
def test_what_cannot_be_made_is_refused_at_once(
    world: World, fields: dict[str, object], code: str, named: list[str]
) -> None:
    """With the field's path where one is wrong."""
    error = world.refused(**fields)

    assert error.code == code
    assert [problem.field for problem in error.fields] == named


def test_reports_are_listed_newest_first_page_by_page(world: World) -> None:
    """Without their columns, which Get returns."""
    older, newer = (world.made(window=day(2)) for _ in range(2))

    first = world.stub.ListDriftReports(monitor_pb2.ListDriftReportsRequest(page_size=1, model_version=VERSION))
    second = world.stub.ListDriftReports(
        monitor_pb2.ListDriftReportsRequest(page_size=1, page_token=first.next_page_token, model_version=VERSION)
    )
    other = world.stub.ListDriftReports(
        monitor_pb2.ListDriftReportsRequest(model_version="models/credit-default/versions/2")
    )

    assert [report.name for report in (*first.drift_reports, *second.drift_reports)] == [newer.name, older.name]
    assert not first.drift_reports[0].column_drifts
    assert not other.drift_reports
    assert world.stub.GetDriftReport(monitor_pb2.GetDriftReportRequest(name=newer.name)).column_drifts


def test_a_window_holds_all_that_was_acknowledged_before(world: World) -> None:
    """No report misses the segment that was sent a moment ago."""
    sender = Sender(world.stub, world.registered.digest, Spool("spool-2"))
    sender.send(world.registered.train[:150], time=NOW + 3 * DAY)

    report = world.made(window=day(3), columns=["AMT_CREDIT"])

    assert report.current_rows == 150


def test_evidently_makes_the_report_in_a_process_of_its_own(world: World, tmp_path: Path) -> None:
    """The real thing: its verdicts agree with its own count, and odd columns abort nothing."""
    values = world.registered.train[:200].copy()
    values[:, CREDIT] *= 3
    values[:, EXTERNAL] = np.nan
    with monitor(replace(world.settings, state_dir=tmp_path)) as stub:
        Sender(stub, world.registered.digest, Spool()).send(values, time=NOW)
        report = finished(
            stub,
            stub.CreateDriftReport(
                monitor_pb2.CreateDriftReportRequest(model_version=VERSION, window=monitor_pb2.PredictionWindow())
            ),
        )
        page = b"".join(document(stub, report.name, HTML)).decode()
        facts = json.loads(b"".join(document(stub, report.name, JSON)))

    assert report.job.state == job_pb2.JOB_STATE_SUCCEEDED, report.job.error
    verdicts = {column.column: column.verdict for column in report.column_drifts}
    drifted = [column for column, verdict in verdicts.items() if verdict == monitor_pb2.COLUMN_VERDICT_DRIFTED]
    assert verdicts["AMT_CREDIT"] == monitor_pb2.COLUMN_VERDICT_DRIFTED
    assert verdicts["EXT_SOURCE_2"] == monitor_pb2.COLUMN_VERDICT_EMPTY
    assert all(column.method for column in report.column_drifts if column.column != "EXT_SOURCE_2")
    own_count = next(
        metric["value"] for metric in facts["comparison"]["metrics"] if "DriftedColumnsCount" in metric["metric_name"]
    )
    assert own_count == {"count": len(drifted), "share": pytest.approx(report.drifted_share)}
    assert '<section id="counterfoil"' in page
    assert "EXT_SOURCE_2" in page


def test_a_version_is_found_by_number_and_by_alias(world: World, tmp_path: Path) -> None:
    """With what its bundle says; a number is looked up once, an alias each time."""
    models = RegisteredModels(ModelRegistry(world.settings.mlflow_uri, cache=tmp_path))

    by_alias, by_number = models.find(CHAMPION), models.find(VERSION)

    assert by_alias is by_number
    assert (by_number.model_version, by_number.bundle_digest) == (VERSION, world.registered.digest)
    assert by_number.schema.names == SCHEMA.names
    assert by_number.dataset.experiment_id == world.registered.experiment_id
    with pytest.raises(NotFound):
        models.find("models/credit-default/versions/99")
