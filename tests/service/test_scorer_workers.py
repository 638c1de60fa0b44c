"""Several worker processes on one port: one service to its callers, whichever of them answers."""

import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from counterfoil.scorer.v1 import scorer_pb2, scorer_pb2_grpc
from counterfoil.types.v1 import prediction_pb2
from tests.mixed_lending import MixedLender, Promise, assert_kept_once
from tests.processes import ROOT
from tests.repeating import repeat_at_once
from tests.service.replays import replayed_rows
from tests.service.scoring import ask, failure
from tests.worker_processes import COMMAND, PATHS, WAIT_S, Workers, scorer_processes

TEST = prediction_pb2.PURPOSE_TEST


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    """Give two workers; the last test ends them."""
    with scorer_processes(tmp_path_factory.mktemp("workers"), 2) as running:
        yield running


@pytest.fixture(scope="module")
def promises() -> list[Promise]:
    """Return what lenders were told while a worker was killed; the last test looks for it."""
    return []


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


def test_a_request_id_is_answered_once_whichever_of_them_is_asked(workers: Workers) -> None:
    """A hundred calls at once over twenty connections: identical bytes, out of one of the two spools."""
    answers = repeat_at_once(workers.address, ask(workers.champion.applicant_ids[0], request_id="r-1"), times=100)
    taken = {workers.score(request_id=f"taken-{number}").receipt.instance for number in range(20)}
    other = [failure(lambda: workers.score(request_id="r-1", purpose=TEST)) for _ in range(20)]

    assert len(answers) == 100
    assert len(set(answers)) == 1
    assert len(taken) == 2
    assert {each.reason for each in other} == {"REQUEST_ID_REUSED"}


def test_a_reload_reaches_both(workers: Workers) -> None:
    """Whichever of them is asked: each has loaded once more when the call returns."""
    with grpc.insecure_channel(workers.address) as channel:
        scorer_pb2_grpc.ScorerServiceStub(channel).ReloadModel(scorer_pb2.ReloadModelRequest(), timeout=WAIT_S)

    assert len(workers.events("bundle served")) == 4


def test_a_worker_that_dies_comes_back_with_its_spool(workers: Workers, promises: list[Promise]) -> None:
    """Killed under every kind of call: its answers go on in the same instance, and the other one answers meanwhile."""
    before, told = workers.instances(), workers.score(request_id="r-2")
    lender = MixedLender(workers.address, workers.champion)
    lender.wait_for_promises(100)
    pid = workers.events("serving")[0]["pid"]
    assert isinstance(pid, int)

    os.kill(pid, signal.SIGKILL)
    (died,) = workers.wait_for("worker died", 1)
    meanwhile, again = workers.score(), workers.score(request_id="r-2")
    workers.wait_for("bundle served", 5)
    lender.wait_for_promises(100)
    lender.stop()
    promises.extend(lender.promises)

    assert died["exit_code"] == -signal.SIGKILL
    assert meanwhile.receipt.instance in before
    assert again == told
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


def test_sigterm_drains_both(workers: Workers, promises: list[Promise], tmp_path: Path) -> None:
    """The supervisor ends with 0 once both have ended by themselves.

    Their spools hold what was promised, once, and other processes compute all of it anew, to the bit.
    """
    workers.process.send_signal(signal.SIGTERM)

    assert workers.process.wait(timeout=WAIT_S) == 0
    assert len(workers.events("stopped")) == 2
    segments = list(workers.segments())
    assert_kept_once(promises, segments)
    assert replayed_rows(workers.folder / "bundle", segments, tmp_path, processes=2) > len(promises)
    assert {promise.method for promise in promises} == {"Score", "BatchScore", "StreamScore", "ScoreDataset"}
