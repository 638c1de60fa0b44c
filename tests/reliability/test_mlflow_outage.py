"""MLflow goes away in the middle of a job and comes back: a real server, stopped and started again."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from counterfoil.trainer.v1 import threshold_pb2
from counterfoil.types.v1 import job_pb2
from shared.mlflow_store import prepare
from tests.adapters.mlflow_stores import MlflowStore, connected
from tests.interrupting import Workplace
from tests.processes import free_port
from tests.service.trainer import TABLES, settings_in
from tests.synthetic_tables import write_tables

pytestmark = pytest.mark.reliability
_LONGEST_S = 120.0


class Server:
    """An `mlflow server` on SQLite that can be stopped and started at one address."""

    def __init__(self, folder: Path) -> None:
        store = MlflowStore(f"sqlite:///{folder / 'server.db'}", folder / "served")
        with connected(store):
            prepare(store.uri, store.artifacts)
        port = free_port()
        self.uri = f"http://127.0.0.1:{port}"
        options = ["--backend-store-uri", store.uri, "--artifacts-destination", str(store.artifacts), "--workers", "1"]
        self._command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), *options]
        self.start()

    def start(self) -> None:
        """Return once it answers."""
        environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
        # A group of its own: its workers end with it.
        self._process = subprocess.Popen(self._command, env=environment, start_new_session=True)
        _wait_until(self._answers)

    def stop(self) -> None:
        """End it with its workers, as a crash would."""
        os.killpg(self._process.pid, 9)
        self._process.wait(timeout=30)

    def _answers(self) -> bool:
        with suppress(requests.RequestException):
            return requests.get(f"{self.uri}/health", timeout=3).ok
        return False


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _LONGEST_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextmanager
def _running(folder: Path) -> Iterator[tuple[Server, Workplace]]:
    server = Server(folder)
    settings = replace(settings_in(folder), mlflow_uri=server.uri, log_level="INFO")
    write_tables(settings.tables_root / TABLES)
    workplace = Workplace(settings, folder)
    try:
        yield server, workplace
    finally:
        workplace.close()
        server.stop()


def test_a_training_outlives_an_outage_of_mlflow(tmp_path: Path) -> None:
    """It waits, says so, and registers one version with every trial; its threshold can be changed over HTTP."""
    with _running(tmp_path) as (server, workplace):
        name = workplace.begin(workplace.make_dataset())
        _wait_until(lambda: len(workplace.job(name).trials) > 0)

        server.stop()
        _wait_until(lambda: "waiting for MLflow" in workplace.job(name).job.progress.stage)
        server.start()
        job = workplace.ended(name)

        assert job.job.state == job_pb2.JOB_STATE_SUCCEEDED, job.job.error
        assert (job.job.attempt, len(workplace.outcome(job).trials)) == (1, 12)
        with workplace.stub() as stub:
            wish = threshold_pb2.CreateModelVersionRequest(
                base_version=job.model_version, threshold=0.4, reason="after the outage"
            )
            made = stub.CreateModelVersion(wish)
            told = stub.EvaluateThresholds(threshold_pb2.EvaluateThresholdsRequest(name=made.name, thresholds=[0.4]))
        assert told.current.threshold == told.figures[0].threshold == 0.4
