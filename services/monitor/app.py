"""The one place where the monitor is put together."""

import datetime as dt
import os
import sys
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from counterfoil.monitor.v1 import monitor_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import add_MonitorServiceServicer_to_server
from services.monitor.adapters.database import open_database
from services.monitor.adapters.drift_decisions import DriftHistory
from services.monitor.adapters.failures import LoggedFailures
from services.monitor.adapters.folder_lock import FolderLock
from services.monitor.adapters.ledger import Ledger
from services.monitor.adapters.log_store import LogStore, store_at
from services.monitor.adapters.logged import LoggedPredictions
from services.monitor.adapters.models import RegisteredModels
from services.monitor.adapters.outcome_table import OutcomeTable
from services.monitor.adapters.overrides import Overrides
from services.monitor.adapters.projections import Projections
from services.monitor.adapters.records import LedgerRecords
from services.monitor.adapters.report_files import ReportFiles
from services.monitor.adapters.state_lock import StateLock
from services.monitor.alerting import Alerting
from services.monitor.challengers import Challengers
from services.monitor.domain.model import Models
from services.monitor.drift_board import DriftBoard
from services.monitor.drift_follower import DriftFollower
from services.monitor.intake import Intake
from services.monitor.metrics import IngestMeter, Standings
from services.monitor.outcomes import Outcomes
from services.monitor.performance_watch import PerformanceWatch
from services.monitor.performances import Performances
from services.monitor.predictions import Predictions
from services.monitor.projector import Projector
from services.monitor.proving import Proving
from services.monitor.reports import Reports, note, read_report
from services.monitor.response import Response, open_response
from services.monitor.servicer import MonitorServicer
from services.monitor.settings import Settings
from services.monitor.standing import Standing
from services.monitor.upkeep import Upkeep, open_upkeep
from shared.bundle.registry import ModelRegistry
from shared.database import Database
from shared.jobs.runner import JobRunner
from shared.jobs.store import Job, JobStore
from shared.metrics import MetricsServer, serve_metrics
from shared.rpc.server import RpcServer, ServerSettings, Service, build_server
from shared.settings import environment_of

SERVICE = monitor_pb2.DESCRIPTOR.services_by_name["MonitorService"].full_name
JOB_COMMAND = (sys.executable, "-m", "services.monitor.job")


@dataclass(frozen=True)
class App:
    """A monitor that works; its server is yet to be started."""

    server: RpcServer
    projector: Projector
    follower: DriftFollower
    runner: JobRunner
    upkeep: Upkeep
    response: Response
    watch: PerformanceWatch
    metrics: MetricsServer | None
    database: Database
    lock: StateLock

    def stop(self) -> None:
        """End the jobs and the projector; to be called once the server has stopped."""
        if self.metrics is not None:
            self.metrics.stop()
        self.runner.stop()
        self.upkeep.stop()
        self.projector.stop()
        self.follower.stop()
        self.watch.stop()
        self.response.stop()
        self.database.close()
        self.lock.release()


def build(settings: Settings, *, models: Models | None = None, job_command: Sequence[str] = JOB_COMMAND) -> App:
    """Return the monitor of these settings, its jobs and projections already at work on what an earlier life left.

    `models` finds model versions, by default in MLflow's registry. Raises Precondition (STATE_IN_USE) if another
    monitor works in the same folder, Unavailable if a database cannot be opened, and what `build_server` does.
    """
    lock = StateLock(settings.folder)
    registry = ModelRegistry(settings.mlflow_uri, cache=settings.cache_folder)
    try:
        app = _build(settings, models or RegisteredModels(registry), job_command, lock)
    except BaseException:
        lock.release()
        raise
    app.projector.start()
    app.follower.start()
    app.runner.start()
    app.upkeep.start()
    app.response.start()
    app.watch.start()
    return app


def _build(settings: Settings, models: Models, job_command: Sequence[str], lock: StateLock) -> App:
    stopping = threading.Event()
    database = open_database(settings.database_url)
    response = open_response(settings, database, clock=_now, new_id=_new_id)
    log = store_at(settings.log)
    ledger = Ledger(log, _now)
    board = DriftBoard()
    follower = _follower(settings, board, models)
    board.subscribe(response.drifted)
    projector = _projector(settings, log, ledger=ledger, models=models, follower=follower, alerting=response.alerting)
    standing = Standing(ledger.tally, models, board.verdicts)
    store = JobStore(settings.jobs_url)

    def on_end(job: Job) -> None:
        """Let the status know at once what a report found."""
        note(standing, read_report(job))

    environment = {**os.environ, **environment_of(settings)}
    runner = JobRunner(store, command=job_command, environment=environment, on_end=on_end)
    reports = _reports(settings, store, models, standing=standing, projector=projector, runner=runner)
    reports.load()
    labels = OutcomeTable(database, _now)
    outcomes = Outcomes(labels, LoggedPredictions(settings.projections), await_projection=projector.await_acknowledged)
    performances = Performances(models, settings.projections, labels, board, projector.await_acknowledged)
    watch = PerformanceWatch(performances.measure, response.alerting)
    outcomes.subscribe(watch.want)
    figures = CollectorRegistry()
    figures.register(Standings(ledger, projector, board, response, store))
    upkeep = open_upkeep(settings, database, clock=_now, new_id=_new_id)
    servicer = MonitorServicer(
        predictions=_predictions(settings, ledger, database, labels, models),
        outcomes=outcomes,
        performances=performances,
        alerting=response.alerting,
        retraining=response.retraining,
        challengers=Challengers(models, projector.await_acknowledged, environment),
        proving=Proving(log, ledger),
        failures=LoggedFailures(settings.ledger),
        erasures=upkeep.erasures,
        intake=Intake(ledger, projector, response.alerting.record, IngestMeter(figures)),
        reports=reports,
        standing=standing,
        stopping=stopping,
    )
    server = _server(settings, servicer, stopping)
    metrics = serve_metrics(figures, settings.monitor_metrics_address, setting="monitor_metrics_address")
    return App(server, projector, follower, runner, upkeep, response, watch, metrics, database, lock)


def _reports(
    settings: Settings, store: JobStore, models: Models, *, standing: Standing, projector: Projector, runner: JobRunner
) -> Reports:
    return Reports(
        store,
        ReportFiles(settings.reports_folder),
        models,
        standing,
        await_projection=projector.await_acknowledged,
        wake=runner.wake,
        new_id=lambda: f"dr-{_new_id()}",
    )


def _predictions(
    settings: Settings, ledger: Ledger, database: Database, labels: OutcomeTable, models: Models
) -> Predictions:
    return Predictions(
        LedgerRecords(settings.ledger),
        settings.projections,
        Overrides(database, _now),
        models,
        outcomes=labels,
        model_versions=ledger.model_versions,
    )


def _follower(settings: Settings, board: DriftBoard, models: Models) -> DriftFollower:
    return DriftFollower(
        board,
        DriftHistory(settings.projections, settings.drift_history_rows),
        models,
        clock=_now,
        lengths=settings.drift_lengths,
        limits=settings.drift_limits,
        refresh_s=settings.drift_refresh_s,
    )


def _projector(
    settings: Settings, log: LogStore, *, ledger: Ledger, models: Models, follower: DriftFollower, alerting: Alerting
) -> Projector:
    return Projector(
        ledger,
        Projections(log),
        models,
        follower,
        progress_file=settings.progress_file,
        on_alert=alerting.record,
        retry_s=settings.projection_retry_s,
        exclusive=FolderLock(settings.projection_lock).held,
    )


def _server(settings: Settings, servicer: MonitorServicer, stopping: threading.Event) -> RpcServer:
    server = ServerSettings(
        address=settings.monitor_address,
        tls_certificate=settings.tls_certificate,
        tls_key=settings.tls_key,
        tls_client_ca=settings.tls_client_ca,
        allow_insecure_remote=settings.allow_insecure_remote,
    )
    service = Service(SERVICE, lambda server: add_MonitorServiceServicer_to_server(servicer, server))
    return build_server(server, [service], stopping=stopping)


def _new_id() -> str:
    return uuid.uuid4().hex[:12]


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
