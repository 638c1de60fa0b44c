"""A monitor on a real channel, a model that MLflow knows, and the predictions of its applicants."""

import datetime as dt
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import numpy as np
import pytest
from mlflow.client import MlflowClient

from counterfoil.client.channels import open_channel
from counterfoil.client.errors import CallError, call_error
from counterfoil.client.watching import follow
from counterfoil.monitor.v1 import monitor_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from services.monitor.app import JOB_COMMAND, build
from services.monitor.domain.model import Models
from services.monitor.settings import Settings
from shared.bundle.registry import ModelRegistry
from shared.bundle.writing import write_bundle
from shared.mlflow_store import prepare
from tests.bundles import MODEL, SCHEMA, TinyBundle, tiny_bundle
from tests.unit.monitor.segments import NOW, Spool

CHAMPION = "models/credit-default/versions/champion"
VERSION = "models/credit-default/versions/1"
DAY = dt.timedelta(days=1)
CREDIT, EXTERNAL = SCHEMA.names.index("AMT_CREDIT"), SCHEMA.names.index("EXT_SOURCE_2")
TEST = 2

# Ends as soon as its parent closes the pipe, and never before.
HANGING_JOB = (sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()")


def settings_in(folder: Path) -> Settings:
    """Return settings whose state and MLflow lie in a folder, on a free port."""
    return Settings(
        monitor_address="127.0.0.1:0",
        mlflow_uri=f"sqlite:///{folder / 'mlflow.db'}",
        mlflow_artifacts=folder / "artifacts",
        state_dir=folder / "var",
    )


@contextmanager
def monitor(
    settings: Settings, *, models: Models | None = None, job_command: Sequence[str] = JOB_COMMAND
) -> Iterator[MonitorServiceStub]:
    """Run a monitor for the length of a `with` block and yield what calls it."""
    app = build(settings, models=models, job_command=job_command)
    app.server.start()
    try:
        with open_channel(f"127.0.0.1:{app.server.port}") as channel:
            yield MonitorServiceStub(channel)
    finally:
        app.server.stop(grace_seconds=0)
        app.stop()


def finished(stub: MonitorServiceStub, report: monitor_pb2.DriftReport) -> monitor_pb2.DriftReport:
    """Return the report once its job has ended."""
    request = monitor_pb2.WatchDriftReportRequest(name=report.name)
    news = list(follow(lambda: stub.WatchDriftReport(request, timeout=120), job=lambda each: each.drift_report.job))
    return news[-1].drift_report


def document(stub: MonitorServiceStub, name: str, form: monitor_pb2.DriftReportFormat.ValueType) -> list[bytes]:
    """Return the chunks of a report's document."""
    request = monitor_pb2.ReadDriftReportRequest(name=name, format=form)
    return [response.chunk for response in stub.ReadDriftReport(request)]


@dataclass
class Registered:
    """A bundle that MLflow knows as version 1 and champion of credit-default, with its data set's run."""

    tiny: TinyBundle
    digest: str
    client: MlflowClient
    experiment_id: str

    @property
    def train(self) -> np.ndarray:
        """The training split's values, (600, 6)."""
        return self.tiny.values[:600]


def register(settings: Settings, folder: Path) -> Registered:
    """Make the MLflow of the settings, log a tiny data set there and register its bundle."""
    prepare(settings.mlflow_uri, settings.mlflow_artifacts)
    client = MlflowClient(tracking_uri=settings.mlflow_uri, registry_uri=settings.mlflow_uri)
    tiny = tiny_bundle(folder / "made", seed=1)
    experiment_id = client.create_experiment(tiny.contents.dataset.id)
    run_id = client.create_run(experiment_id).info.run_id
    for path in tiny.splits.values():
        client.log_artifact(run_id, str(path), "dataset")
    dataset = replace(tiny.contents.dataset, experiment_id=experiment_id, run_id=run_id)
    digest = write_bundle(folder / "bundle", replace(tiny.contents, dataset=dataset))
    registry = ModelRegistry(settings.mlflow_uri, cache=folder / "cache")
    registry.register_bundle(folder / "bundle", model=MODEL, run_id=run_id, digest=digest)
    client.set_registered_model_alias(MODEL, "champion", "1")
    return Registered(tiny, digest, client, experiment_id)


@dataclass
class Sender:
    """A spool whose segments go straight to a monitor."""

    stub: MonitorServiceStub
    bundle_digest: str
    spool: Spool

    def send(
        self, values: np.ndarray, *, time: dt.datetime, purposes: Sequence[int] | None = None
    ) -> monitor_pb2.IngestPredictionsResponse:
        """Send one segment of a record per row of values, made a second apart."""
        segment, self.spool = self.spool.seal(values, bundle_digest=self.bundle_digest, time=time, purposes=purposes)
        return self.stub.IngestPredictions(monitor_pb2.IngestPredictionsRequest(segment=segment))


class World:
    """A monitor with a history: a day like the training data, a day of another world, and a day of five decisions."""

    def __init__(self, stub: MonitorServiceStub, registered: Registered, settings: Settings) -> None:
        self.stub = stub
        self.registered = registered
        self.settings = settings
        self._keep_history()

    def create(self, **fields: object) -> monitor_pb2.DriftReport:
        """Ask for a report on the champion."""
        request = monitor_pb2.CreateDriftReportRequest(model_version=CHAMPION)
        request.MergeFrom(monitor_pb2.CreateDriftReportRequest(**fields))  # type: ignore[arg-type]  # by name
        return self.stub.CreateDriftReport(request)

    def made(self, **fields: object) -> monitor_pb2.DriftReport:
        """Return a report on the champion once it has ended."""
        return finished(self.stub, self.create(**fields))

    def refused(self, **fields: object) -> CallError:
        """Return what the refusal of a request says."""
        with pytest.raises(grpc.RpcError) as refused:
            self.create(**fields)
        return call_error(refused.value)

    def status(self) -> monitor_pb2.DriftStatus:
        """Return the model's status."""
        return self.stub.GetDriftStatus(monitor_pb2.GetDriftStatusRequest(model_version=VERSION))

    def _keep_history(self) -> None:
        sender = Sender(self.stub, self.registered.digest, Spool())
        train = self.registered.train
        sender.send(train, time=NOW)
        shifted = train[:300].copy()
        shifted[:, CREDIT] *= 3
        shifted[:, EXTERNAL] = np.nan
        sender.send(shifted, time=NOW + DAY)
        # Tests of the integration, which must not count however wild they are.
        sender.send(np.full((200, 6), 1e6), time=NOW + DAY, purposes=[TEST] * 200)
        sender.send(train[:5], time=NOW + 2 * DAY)


def day(number: int) -> monitor_pb2.PredictionWindow:
    """Return the window of a day of the history."""
    window = monitor_pb2.PredictionWindow()
    window.start_time.FromDatetime(NOW + number * DAY)
    window.end_time.FromDatetime(NOW + (number + 1) * DAY)
    return window
