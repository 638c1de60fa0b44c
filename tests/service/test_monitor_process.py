"""The monitor as a process: killed while it takes segments, started where it must not, and what it imports."""

import subprocess
import sys
import threading
from pathlib import Path

import grpc
from deltalake import DeltaTable

from counterfoil.client.channels import open_channel
from counterfoil.monitor.v1 import monitor_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from tests.processes import ROOT, free_port, start_service
from tests.unit.monitor.segments import Spool, seeded_values

SEGMENTS_BEFORE_KILL = 15


class Sending(threading.Thread):
    """Sends segment after segment, each until it is acknowledged, and notes what was."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[int] = []
        self.progress = threading.Condition()
        self.stopping = threading.Event()
        self._address = address

    def run(self) -> None:
        """Send until told to stop."""
        spool = Spool()
        with open_channel(self._address) as channel:
            stub = MonitorServiceStub(channel)
            while not self.stopping.is_set():
                # No model is named, so that nothing has to be asked of MLflow: only the ledger is looked at.
                segment, spool = spool.seal(seeded_values(2, seed=spool.number), model_version="")
                request = monitor_pb2.IngestPredictionsRequest(segment=segment)
                while not self._acknowledged(stub, request):
                    self.stopping.wait(0.05)

    def wait_for(self, count: int) -> None:
        """Return once so many segments are acknowledged."""
        with self.progress:
            assert self.progress.wait_for(lambda: len(self.acknowledged) >= count, timeout=120)

    def _acknowledged(self, stub: MonitorServiceStub, request: monitor_pb2.IngestPredictionsRequest) -> bool:
        try:
            response = stub.IngestPredictions(request, timeout=30, wait_for_ready=True)
        except grpc.RpcError:
            return False
        with self.progress:
            self.acknowledged.append(response.number)
            self.progress.notify_all()
        return True


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    """Killed in the midst of segments, twice: all are there, none twice, no gap, and no alert was raised."""
    address = f"127.0.0.1:{free_port()}"
    environment = {
        "COUNTERFOIL_STATE_DIR": str(tmp_path / "var"),
        "COUNTERFOIL_MLFLOW_URI": f"sqlite:///{tmp_path / 'mlflow.db'}",
    }
    sending = Sending(address)
    service = start_service("monitor", address, environment, tmp_path / "log")
    sending.start()
    for life in (1, 2):
        sending.wait_for(life * SEGMENTS_BEFORE_KILL)
        service.kill()
        service = start_service("monitor", address, environment, tmp_path / "log")
    sending.wait_for(len(sending.acknowledged) + 1)
    sending.stopping.set()
    sending.join(timeout=60)
    exit_code = service.terminate()

    table = DeltaTable(tmp_path / "var" / "monitor" / "log" / "ledger").to_pyarrow_table(
        columns=["number", "sequence", "continuity"]
    )
    numbers = sorted(set(table["number"].to_pylist()))
    assert exit_code == 0
    assert sending.acknowledged == list(range(1, len(sending.acknowledged) + 1))
    assert numbers == list(range(1, len(numbers) + 1))
    assert set(sending.acknowledged) <= set(numbers)
    assert sorted(table["sequence"].to_pylist()) == list(range(1, 2 * len(numbers) + 1))
    assert set(table["continuity"].to_pylist()) == {"CONTINUED"}


def test_a_start_that_is_refused_says_why_in_one_line(tmp_path: Path) -> None:
    """Without TLS it listens on loopback alone; exit code 2."""
    environment = {
        "PATH": "",
        "COUNTERFOIL_MONITOR_ADDRESS": "0.0.0.0:0",
        "COUNTERFOIL_STATE_DIR": str(tmp_path),
        "COUNTERFOIL_MLFLOW_URI": f"sqlite:///{tmp_path / 'mlflow.db'}",
    }

    command = [sys.executable, "-m", "services.monitor"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: 0.0.0.0:0 can be reached from other machines")
    assert line.endswith("(INSECURE_REMOTE_ADDRESS)")


def test_the_server_never_imports_evidently() -> None:
    """Its seconds and its memory belong to the job's process."""
    program = "import sys, services.monitor.__main__; sys.exit('evidently' in sys.modules)"

    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)

    assert ended.returncode == 0
