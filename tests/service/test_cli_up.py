"""`counterfoil up` with real processes: a checkout of its own, whose services answer health and nothing else."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.processes import free_port, wait_until_serving

# A service in its smallest form: it says when it was told to stop, and with FAIL=name that one does not start.
SERVICE = """
import os, signal, sys
from concurrent import futures
import grpc
from grpc_health.v1 import health, health_pb2_grpc

name = __spec__.parent.rpartition(".")[2]
if os.environ.get("FAIL") == name:
    sys.exit("error: the disk is full (DISK_FULL)")
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
server = grpc.server(futures.ThreadPoolExecutor(2))
health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
server.add_insecure_port(os.environ[f"COUNTERFOIL_{name.upper()}_ADDRESS"])
server.start()
signal.sigwait({signal.SIGTERM})
server.stop(None).wait()
print("stopped cleanly", flush=True)
sys.exit(int(os.environ.get("EXIT", "0")))
"""
NAMES = ("trainer", "scorer", "monitor")


@dataclass
class Checkout:
    """A folder with three small services, and the variables that point `up` to free ports."""

    folder: Path
    variables: dict[str, str]

    def up(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start `counterfoil up` in the checkout."""
        return subprocess.Popen(
            [sys.executable, "-m", "counterfoil.cli", "up", *arguments],
            cwd=self.folder,
            env={**self.variables, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def log(self, name: str) -> str:
        """Return what a process of the stack wrote."""
        return (self.folder / "var" / "log" / f"{name}.log").read_text()

    @contextmanager
    def running(self, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
        """Start `up` and yield once all services answer; whatever happens it is gone afterwards."""
        with self.up(*arguments, **variables) as process:
            try:
                for name in NAMES:
                    wait_until_serving(self.variables[f"COUNTERFOIL_{name.upper()}_ADDRESS"])
                yield process
            finally:
                process.kill()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Write the checkout."""
    for package in ("shared", "services"):
        # Without it the packages of the installed checkout would win over these.
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "shared" / "mlflow_store.py").write_text("print('MLflow is ready')")
    for name in NAMES:
        (tmp_path / "services" / name).mkdir(parents=True)
        (tmp_path / "services" / name / "__main__.py").write_text(SERVICE)
    addresses = {f"COUNTERFOIL_{name.upper()}_ADDRESS": f"127.0.0.1:{free_port()}" for name in NAMES}
    foreign = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERFOIL_")}
    return Checkout(tmp_path, {**foreign, **addresses})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_stops_all_services_cleanly(checkout: Checkout, number: signal.Signals) -> None:
    """Each of them stops by itself, and `up` exits 0 after it has said so."""
    with checkout.running() as process:
        assert process.stdout is not None
        shown = "".join(process.stdout.readline() for _ in range(4))
        process.send_signal(number)
        _, said = process.communicate(timeout=60)

    assert all(checkout.variables[f"COUNTERFOIL_{name.upper()}_ADDRESS"] in shown for name in NAMES)
    assert process.returncode == 0, said
    assert [line for line in said.splitlines() if "exit code" in line] == [
        "scorer stopped with exit code 0",
        "trainer stopped with exit code 0",
        "monitor stopped with exit code 0",
    ]
    assert all("stopped cleanly" in checkout.log(name) for name in NAMES)
    assert "MLflow is ready" in checkout.log("mlflow")


def test_json_is_one_document_once_all_answer(checkout: Checkout) -> None:
    """A script can wait for it and take the addresses out of it."""
    with checkout.running("--json") as process:
        assert process.stdout is not None
        printed = "".join(iter(process.stdout.readline, "}\n")) + "}"
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=60)

    assert rest == ""
    assert json.loads(printed)["services"]["scorer"] == checkout.variables["COUNTERFOIL_SCORER_ADDRESS"]
    assert said == ""


def test_service_that_does_not_start_ends_all_with_its_last_words(checkout: Checkout) -> None:
    """The end of its log says why; the others do not stay behind."""
    with checkout.up(FAIL="trainer") as process:
        _, said = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "error: the trainer ended with exit code 1" in said
    assert "the disk is full (DISK_FULL)" in said
    assert "(SERVICE_DIED)" in said
    assert _services_of(checkout) == []


def test_service_that_dies_later_ends_all(checkout: Checkout) -> None:
    """Two of three services are no stack to work with."""
    with checkout.running() as process:
        assert process.stdout is not None
        process.stdout.readline()
        next(each for each in _services_of(checkout) if each.cmdline()[1:] == ["-m", "services.scorer"]).kill()
        _, said = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "the scorer ended with exit code 137" in said
    assert "stopped cleanly" in checkout.log("monitor")


def test_service_that_stops_badly_is_told(checkout: Checkout) -> None:
    """Its exit code is reported, and the command fails."""
    with checkout.running(EXIT="9") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "scorer stopped with exit code 9" in said
    assert "(STOPPED_BADLY)" in said


def test_services_end_when_up_is_killed(checkout: Checkout) -> None:
    """A kill -9 leaves nothing behind that would hold the ports: the pipe to each service's guard closes."""
    with checkout.running() as process:
        services = _services_of(checkout)
        process.kill()

    gone, alive = psutil.wait_procs(services, timeout=30)
    assert (len(gone), alive) == (6, [])
    assert all("stopped cleanly" in checkout.log(name) for name in NAMES)


def test_port_that_is_taken_is_refused_before_anything_starts(checkout: Checkout) -> None:
    """Else the stranger's answer would be taken for the service's."""
    with checkout.running():
        again = checkout.up()
        _, said = again.communicate(timeout=60)

    assert again.returncode == 1
    assert f"something listens on {checkout.variables['COUNTERFOIL_MONITOR_ADDRESS']} already" in said
    assert "(ADDRESS_IN_USE)" in said


def test_mlflow_that_cannot_be_made_ready_is_told_with_its_reason(checkout: Checkout) -> None:
    """No service is started then."""
    (checkout.folder / "shared" / "mlflow_store.py").write_text("raise SystemExit('error: no space')")

    with checkout.up() as process:
        _, said = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "error: no space" in said
    assert "(MLFLOW_NOT_READY)" in said


def _services_of(checkout: Checkout) -> list[psutil.Process]:
    """Return the guards and services that run in the checkout."""
    found: list[psutil.Process] = []
    for each in psutil.process_iter():
        try:
            if each.cwd() == str(checkout.folder) and any("services." in part for part in each.cmdline()):
                found.append(each)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found
