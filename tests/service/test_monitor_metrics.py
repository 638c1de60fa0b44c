"""The monitor's figures, as Prometheus polls them."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import pytest
import yaml

from counterfoil.client.channels import open_channel
from counterfoil.monitor.v1 import monitor_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from counterfoil.types.v1 import prediction_pb2
from services.monitor.app import App, build
from services.monitor.settings import Settings
from shared.errors import Precondition
from tests.lending import eventually
from tests.processes import ROOT
from tests.service.monitors import HANGING_JOB, settings_in
from tests.service.scraping import scrape
from tests.unit.monitor.models import MODEL_VERSION, KnownModels, model_facts
from tests.unit.monitor.segments import Spool, numbered, seeded_values

PREFIX = "counterfoil_monitor_"


@dataclass(frozen=True)
class Watched:
    """A monitor whose figures are served."""

    app: App
    stub: MonitorServiceStub
    settings: Settings

    def send(self, segment: prediction_pb2.Segment) -> None:
        """Hand over a segment."""
        self.stub.IngestPredictions(monitor_pb2.IngestPredictionsRequest(segment=segment))

    def figures(self) -> dict[str, float]:
        """Poll, and return the figures without what all their names begin with."""
        assert self.app.metrics is not None
        return {name.removeprefix(PREFIX): value for name, value in scrape(self.app.metrics.port).items()}


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """Run a monitor that knows one model, with figures on a free port."""
    settings = replace(settings_in(tmp_path), monitor_metrics_address="127.0.0.1:0", drift_refresh_s=0.1)
    app = build(settings, models=KnownModels(model_facts()), job_command=HANGING_JOB)
    app.server.start()
    with open_channel(f"127.0.0.1:{app.server.port}") as channel:
        yield Watched(app, MonitorServiceStub(channel), settings)
    app.server.stop(grace_seconds=0)
    app.stop()


def test_segments_are_counted_by_what_became_of_them(watched: Watched) -> None:
    """Stored, known already, or refused with a reason; each acknowledgement is timed."""
    first, spool = Spool().seal(seeded_values(3))
    second, _ = spool.seal(seeded_values(2))
    damaged = prediction_pb2.Segment()
    damaged.CopyFrom(second)
    damaged.digest = b"x" * 32

    for segment in (first, first, second):
        watched.send(segment)
    with pytest.raises(grpc.RpcError):
        watched.send(damaged)

    figures = watched.figures()
    assert (figures['segments_total{outcome="stored"}'], figures['segments_total{outcome="known"}']) == (2, 1)
    assert (figures["records_total"], figures["ledger_version"]) == (5, 2)
    assert figures['segments_refused_total{reason="SEGMENT_CORRUPT"}'] == 1
    assert (figures["ingest_seconds_count"], figures["ingest_seconds_sum"] > 0) == (3, True)


def test_the_lag_of_the_projections_goes_back_to_nothing(watched: Watched) -> None:
    """And what cannot be projected shows as waiting, with its alert."""
    watched.send(Spool().seal(seeded_values(3))[0])
    unknown, _ = Spool("other").seal(seeded_values(2), model_version="models/credit-default/versions/9")
    watched.send(unknown)

    eventually(lambda: watched.figures()["waiting_model_versions"] == 1, timeout_s=60, what="the wait")
    eventually(lambda: watched.figures()["projection_lag"] == 0, timeout_s=60, what="the projection")

    assert watched.figures()['open_alerts{severity="critical"}'] == 1


def test_verdicts_are_figures_as_soon_as_a_window_can_be_judged(watched: Watched) -> None:
    """One for each part and window; a window that is too small has none."""
    data = f'drifted{{model_version="{MODEL_VERSION}",part="data",window="last_count"}}'
    watched.send(Spool().seal(seeded_values(5))[0])
    before = watched.figures()

    watched.send(Spool("other").seal(seeded_values(400) + 9)[0])
    eventually(lambda: data in watched.figures(), timeout_s=60, what="a verdict")

    assert data not in before
    assert watched.figures()[data] == 1


def test_alerts_proposals_and_jobs_are_counted_where_they_are_kept(watched: Watched) -> None:
    """Counts survive a restart, since they are read out of the databases."""
    _, spool = Spool().seal(seeded_values(2))
    watched.send(numbered(spool.seal(seeded_values(2))[0], 7))
    request = monitor_pb2.CreateDriftReportRequest(
        model_version=MODEL_VERSION, production=monitor_pb2.ProductionSplit()
    )
    watched.stub.CreateDriftReport(request)

    eventually(
        lambda: watched.figures().get('jobs{kind="drift_report",state="running"}') == 1, timeout_s=60, what="the job"
    )

    figures = watched.figures()
    assert (figures['open_alerts{severity="critical"}'], figures['open_alerts{severity="info"}']) == (1, 0)
    assert (figures["webhook_outbox"], figures["database_up"]) == (0, 1)


def test_a_database_that_does_not_answer_is_a_figure_and_no_failure(watched: Watched) -> None:
    """The others are still told: an operator needs them most then."""
    with sqlite3.connect(watched.settings.folder / "monitor.db") as connection:
        connection.execute("DROP TABLE alerts")

    figures = watched.figures()

    assert figures["database_up"] == 0
    assert "webhook_outbox" not in figures
    assert figures["ledger_version"] == 0


def test_a_metrics_address_that_is_taken_stops_the_start_and_lets_go_of_the_folder(watched: Watched) -> None:
    """The setting is named, and another start finds nothing locked."""
    assert watched.app.metrics is not None
    taken = f"127.0.0.1:{watched.app.metrics.port}"
    settings = replace(watched.settings, state_dir=watched.settings.state_dir / "second", monitor_metrics_address=taken)

    for _ in range(2):
        with pytest.raises(Precondition) as refused:
            build(settings, models=KnownModels(), job_command=HANGING_JOB)
        assert refused.value.reason == "ADDRESS_IN_USE"


def test_prometheus_polls_where_its_file_says() -> None:
    """One job a service, at the address that the file tells to start it with."""
    text = (ROOT / "deploy" / "prometheus.yml").read_text()
    jobs = {job["job_name"]: job["static_configs"][0]["targets"] for job in yaml.safe_load(text)["scrape_configs"]}

    (target,) = jobs["counterfoil-monitor"]

    assert f"COUNTERFOIL_MONITOR_METRICS_ADDRESS={target}" in text
