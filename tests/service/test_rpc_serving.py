"""A service's process from start to signal: it answers, drains, cleans up and exits 0."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Any

import grpc
import pytest

from counterfoil.client.errors import call_error
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.scorer.v1.scorer_pb2_grpc import ScorerServiceStub
from tests.service.rpc_service import DEADLINE_S, open_plain


@dataclass
class Program:
    """A running service process, the lines of its log and a channel to it."""

    process: subprocess.Popen[str]
    log: IO[str]
    answers: IO[str]
    channel: grpc.Channel

    def events(self) -> list[dict[str, Any]]:
        """Return what else it logs until it ends."""
        return [json.loads(line) for line in self.log]

    def score(self, model: str) -> scorer_pb2.ScoreResponse:
        """Call Score."""
        return ScorerServiceStub(self.channel).Score(scorer_pb2.ScoreRequest(model=model), timeout=DEADLINE_S)


@pytest.fixture
def program() -> Iterator[Program]:
    """Give a service process that is serving."""
    command = [sys.executable, "-m", "tests.service.rpc_program"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        serving = json.loads(process.stderr.readline())
        assert (serving["event"], serving["pid"]) == ("serving", process.pid)
        with open_plain(serving["port"]) as channel:
            yield Program(process, process.stderr, process.stdout, channel)
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_cleanly(program: Program, number: signal.Signals) -> None:
    """Between start and signal it answers; then it cleans up, says so, and exits 0."""
    answered = program.score("quick")
    program.process.send_signal(number)

    events = program.events()
    code = program.process.wait(DEADLINE_S)

    assert answered.prediction == "made"
    assert code == 0
    assert [event["event"] for event in events] == ["rpc", "stopping", "stopped"]
    assert events[1]["signal"] == number.name
    assert program.answers.read() == "cleaned up\n"


def test_a_second_signal_cancels_what_still_runs(program: Program) -> None:
    """An impatient Ctrl-C need not wait for the grace of 10 s, and the clean-up still happens."""
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(program.score, "slow")
        entered = program.answers.readline()
        program.process.send_signal(signal.SIGINT)
        stopping = json.loads(program.log.readline())
        program.process.send_signal(signal.SIGINT)
        error = call.exception(timeout=DEADLINE_S)

    events = [event["event"] for event in program.events()]
    code = program.process.wait(DEADLINE_S)

    assert entered == "entered\n"
    assert stopping["event"] == "stopping"
    assert isinstance(error, grpc.RpcError)
    assert call_error(error).code in {"UNAVAILABLE", "CANCELLED"}
    # The cancelled call's own line may come before or after "stopped": its handler ends on another thread.
    assert sorted(events) == ["rpc", "stopped", "stopping at once"]
    assert events.index("stopping at once") < events.index("stopped")
    assert code == 0
    assert program.answers.read() == "cleaned up\n"
