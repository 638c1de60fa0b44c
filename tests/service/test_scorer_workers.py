"""Several worker processes on one port: one service to its callers, whichever of them answers."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from counterfoil.scorer.v1 import scorer_pb2, scorer_pb2_grpc
from services.scorer.app import SERVICE_NAME
from tests.champions import Champion, champion_in
from tests.processes import ROOT, free_port, wait_until_serving
from tests.service.scoring import ask

WAIT_S = 90.0
COMMAND = (sys.executable, "-m", "services.scorer")
PATHS = os.pathsep.join(str(ROOT / part) for part in (".", "protos/python", "clients/python"))


@dataclass
class Workers:
    """A supervisor with two workers, and what they log."""

    process: subprocess.Popen[bytes]
    address: str
    metrics: str
    log: Path
    champion: Champion

    def instances(self, calls: int = 40) -> set[str]:
        """Return the spools that answers are in, each asked for on a connection of its own."""
        return {self.score().receipt.instance for _ in range(calls)}

    def score(self) -> scorer_pb2.ScoreResponse:
        """Return an answer, over a new connection."""
        with grpc.insecure_channel(self.address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            request = ask(self.champion.applicant_ids[0])
            return scorer_pb2_grpc.ScorerServiceStub(channel).Score(request, timeout=WAIT_S, wait_for_ready=True)

    def events(self, event: str) -> list[dict[str, object]]:
        """Return the lines of the log about the event."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def wait_for(self, event: str, count: int) -> list[dict[str, object]]:
        """Return the lines about the event once there are so many."""
        give_up = time.monotonic() + WAIT_S
        while len(found := self.events(event)) < count:
            assert time.monotonic() < give_up, self.log.read_text()
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        return found


@contextmanager
def two_workers(folder: Path) -> Iterator[Workers]:
    """Run two workers until they serve a champion."""
    champion = champion_in(folder, seed=8)
    address, metrics = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    environment = {
        **champion.variables,
        "PYTHONPATH": PATHS,
        "COUNTERFOIL_SCORER_ADDRESS": address,
        "COUNTERFOIL_MONITOR_ADDRESS": f"127.0.0.1:{free_port()}",
        "COUNTERFOIL_SCORER_WORKERS": "2",
        "COUNTERFOIL_SCORER_METRICS_ADDRESS": metrics,
    }
    log = folder / "log"
    with log.open("wb") as written:
        process = subprocess.Popen(COMMAND, cwd=ROOT, env=environment, stderr=written)
    workers = Workers(process, address, metrics, log, champion)
    try:
        workers.wait_for("bundle served", 2)
        wait_until_serving(address, SERVICE_NAME)
        yield workers
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    """Give two workers; the last test ends them."""
    with two_workers(tmp_path_factory.mktemp("workers")) as running:
        yield running


def test_both_answer_on_one_port_each_with_a_log_of_its_own(workers: Workers) -> None:
    """The system spreads connections over them."""
    assert len(workers.instances()) == 2


def test_the_figures_of_both_are_polled_in_one_place(workers: Workers) -> None:
    """Rows answered are those of all workers together, and each serves the version."""
    for _ in range(20):
        workers.score()

    with urllib.request.urlopen(f"http://{workers.metrics}/metrics", timeout=WAIT_S) as reply:
        figures = {line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in reply.read().decode().splitlines()}

    answered = {workers.score().receipt.instance: workers.score().receipt.sequence for _ in range(20)}
    (served,) = [value for name, value in figures.items() if name.startswith("counterfoil_scorer_served{")]
    assert 20 <= float(figures["counterfoil_scorer_batch_rows_count"]) <= sum(answered.values())
    assert float(served) == 2.0
    assert float(figures['counterfoil_scorer_batch_seconds_count{stage="log"}']) >= 20


def test_a_reload_reaches_both(workers: Workers) -> None:
    """Whichever of them is asked: each has loaded once more when the call returns."""
    with grpc.insecure_channel(workers.address) as channel:
        scorer_pb2_grpc.ScorerServiceStub(channel).ReloadModel(scorer_pb2.ReloadModelRequest(), timeout=WAIT_S)

    assert len(workers.events("bundle served")) == 4


def test_a_worker_that_dies_comes_back_with_its_spool(workers: Workers) -> None:
    """Its answers go on in the same instance, and the other one answers meanwhile."""
    before = workers.instances()
    pid = workers.events("serving")[0]["pid"]
    assert isinstance(pid, int)

    os.kill(pid, signal.SIGKILL)
    (died,) = workers.wait_for("worker died", 1)
    meanwhile = workers.score()
    workers.wait_for("bundle served", 5)

    assert died["exit_code"] == -signal.SIGKILL
    assert meanwhile.receipt.instance in before
    assert workers.instances() == before


def test_another_supervisor_is_refused_the_port(workers: Workers) -> None:
    """Workers share it with each other and with nobody else."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": PATHS, "COUNTERFOIL_SCORER_WORKERS": "2"}
    environment["COUNTERFOIL_SCORER_ADDRESS"] = workers.address

    ended = subprocess.run(
        COMMAND, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=WAIT_S, check=False
    )

    assert ended.returncode == 2
    assert "ADDRESS_IN_USE" in ended.stderr


def test_sigterm_drains_both(workers: Workers) -> None:
    """The supervisor ends with 0 once both have ended by themselves."""
    workers.process.send_signal(signal.SIGTERM)

    assert workers.process.wait(timeout=WAIT_S) == 0
    assert len(workers.events("stopped")) == 2
