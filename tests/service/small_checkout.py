"""A checkout whose services answer health and nothing else, as real processes that start in a second."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

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

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start a command in the checkout."""
        return subprocess.Popen(
            [sys.executable, "-m", "counterfoil.cli", *arguments],
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
        with self.start("up", *arguments, **variables) as process:
            try:
                for name in NAMES:
                    wait_until_serving(self.variables[f"COUNTERFOIL_{name.upper()}_ADDRESS"])
                yield process
            finally:
                process.kill()

    def processes(self) -> list[psutil.Process]:
        """Return the guards and services that run in the checkout."""
        return [each for each in psutil.process_iter() if _runs_in(each, self.folder)]


def make_checkout(tmp_path: Path) -> Checkout:
    """Write the checkout into a folder."""
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


def _runs_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.cwd() == str(folder) and any("services." in part for part in process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False
