"""A scorer as an operator starts it, with one process or several on its port, and what it leaves on the disk."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from counterfoil.scorer.v1 import scorer_pb2, scorer_pb2_grpc
from counterfoil.types.v1 import prediction_pb2
from services.scorer.adapters.spool import Spool
from services.scorer.app import SERVICE_NAME
from shared.prediction_record.chain import verify_segment
from tests.champions import Champion, champion_in
from tests.clock import Clock
from tests.processes import ROOT, free_port, wait_until_serving
from tests.service.scoring import ask

WAIT_S = 90.0
COMMAND = (sys.executable, "-m", "services.scorer")
PATHS = os.pathsep.join(str(ROOT / part) for part in (".", "protos/python", "clients/python"))
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
"""Channel options without which channels of one process share a connection, and so a worker."""


@dataclass
class Workers:
    """A scorer of so many worker processes at a fixed address, and what they log; above one there is a supervisor.

    `count` and `variables` of the environment may be changed between an end and the next start.
    """

    folder: Path
    champion: Champion
    count: int
    variables: dict[str, str] = field(default_factory=dict)
    address: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    metrics: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    process: "subprocess.Popen[bytes]" = field(init=False)

    def start(self) -> None:
        """Start, and return once every worker serves."""
        environment = {
            **self.champion.variables,
            "PYTHONPATH": PATHS,
            "COUNTERFOIL_SCORER_ADDRESS": self.address,
            "COUNTERFOIL_MONITOR_ADDRESS": "127.0.0.1:9",
            "COUNTERFOIL_SCORER_WORKERS": str(self.count),
            "COUNTERFOIL_SCORER_METRICS_ADDRESS": self.metrics,
            **self.variables,
        }
        before = len(self.events("bundle served"))
        with self._log.open("ab") as written:
            self.process = subprocess.Popen(COMMAND, cwd=ROOT, env=environment, stderr=written)
        self.wait_for("bundle served", before + self.count)
        wait_until_serving(self.address, SERVICE_NAME)

    def kill(self) -> None:
        """End the process by SIGKILL; workers of a supervisor end with it."""
        self.process.kill()
        self.process.wait(timeout=WAIT_S)

    def terminate(self) -> int:
        """Ask for the end and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=WAIT_S)

    def instances(self, calls: int = 40) -> set[str]:
        """Return the spools that answers are in, each asked for on a connection of its own."""
        return {self.score().receipt.instance for _ in range(calls)}

    def score(self, **fields: object) -> scorer_pb2.ScoreResponse:
        """Return an answer, over a new connection."""
        with grpc.insecure_channel(self.address, options=OWN_CONNECTION) as channel:
            request = ask(self.champion.applicant_ids[0], **fields)
            return scorer_pb2_grpc.ScorerServiceStub(channel).Score(request, timeout=WAIT_S, wait_for_ready=True)

    def events(self, event: str) -> list[dict[str, object]]:
        """Return the lines of the log about the event."""
        if not self._log.exists():
            return []
        lines = [json.loads(line) for line in self._log.read_text().splitlines() if _whole(line)]
        return [line for line in lines if line["event"] == event]

    def wait_for(self, event: str, count: int) -> list[dict[str, object]]:
        """Return the lines about the event once there are so many."""
        give_up = time.monotonic() + WAIT_S
        while len(found := self.events(event)) < count:
            assert time.monotonic() < give_up, self._log.read_text()
            assert self.process.poll() is None, self._log.read_text()
            time.sleep(0.1)
        return found

    def segments(self) -> Iterator[prediction_pb2.Segment]:
        """Yield all that was recorded, verified, after the end; the spools are empty then."""
        for file in sorted(self.folder.glob("state/scorer/spool*/spool.db")):
            spool = Spool(file.parent, clock=Clock())
            while segment := spool.seal(1 << 22):
                verify_segment(segment)
                spool.acknowledge(segment)
                yield segment
            spool.close()

    @property
    def _log(self) -> Path:
        return self.folder / "scorer.log"


def _whole(line: str) -> bool:
    """Tell whether a line is one of the log, and not cut off by a kill."""
    return line.startswith("{") and line.endswith("}")


@contextmanager
def scorer_processes(folder: Path, count: int, **variables: str) -> Iterator[Workers]:
    """Run so many workers, serving a champion; they are ended whatever happens."""
    workers = Workers(folder, champion_in(folder, seed=8), count, variables)
    try:
        workers.start()
        yield workers
    finally:
        if workers.process.poll() is None:
            workers.kill()
