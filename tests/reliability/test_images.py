"""Each image's command, in an environment that holds what the image holds and nothing else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import ROOT, free_port, wait_until_serving

pytestmark = pytest.mark.reliability

UV = Path(sys.executable).with_name("uv")
COPIED = ("protos/python", "clients/python", "shared", "services")


def _run(*command: str | Path, **variables: str) -> str:
    outcome = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, env={**os.environ, **variables}
    )
    assert outcome.returncode == 0, outcome.stderr[-3000:]
    return outcome.stdout


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the Dockerfile copies, at the places where it puts it."""
    folder = tmp_path_factory.mktemp("app")
    for path in COPIED:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).symlink_to(ROOT / path)
    return folder


def _environment(service: str, folder: Path) -> Path:
    """Return the interpreter of an environment made from the image's lock, as the Dockerfile makes it."""
    _run(UV, "venv", "--quiet", "--python", sys.executable, folder)
    lock = ROOT / "requirements" / f"{service}.txt"
    _run(UV, "pip", "sync", "--quiet", "--python", folder / "bin/python", "--require-hashes", lock)
    return folder / "bin/python"


@contextmanager
def _serving(python: Path, service: str, application: Path, variables: dict[str, str]) -> Iterator[None]:
    with (application.parent / f"{service}.log").open("ab") as log:
        process = subprocess.Popen(
            [str(python), "-m", f"services.{service}"], cwd=application, env=variables, stderr=log
        )
    try:
        wait_until_serving(variables[f"COUNTERFOIL_{service.upper()}_ADDRESS"])
        yield
    finally:
        process.terminate()
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("service", ["trainer", "scorer", "monitor"])
def test_service_starts_with_its_image_lock_alone(service: str, application: Path, tmp_path: Path) -> None:
    """What the lock leaves out, the service does not need; the image's health check says the same."""
    python = _environment(service, tmp_path / "venv")
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(str(application / part) for part in (".", "protos/python", "clients/python")),
        "COUNTERFOIL_STATE_DIR": str(tmp_path / "state"),
        "COUNTERFOIL_MLFLOW_URI": f"sqlite:///{tmp_path / 'mlflow.db'}",
        "COUNTERFOIL_MLFLOW_ARTIFACTS": str(tmp_path / "artifacts"),
        "COUNTERFOIL_TABLES_ROOT": str(tmp_path),
        "SERVICE": service,
        f"COUNTERFOIL_{service.upper()}_ADDRESS": f"127.0.0.1:{free_port()}",
    }
    _run(sys.executable, "-m", "shared.mlflow_store", **variables)

    with _serving(python, service, application, variables):
        probe = subprocess.run([str(python), "-m", "shared.rpc.probe"], cwd=application, env=variables, check=False)

    assert probe.returncode == 0


def test_mlflow_image_has_its_command_and_driver(tmp_path: Path) -> None:
    """The compose file's `mlflow server` on PostgreSQL finds both in its lock."""
    python = _environment("mlflow-server", tmp_path / "venv")

    version = _run(python.with_name("mlflow"), "--version", MLFLOW_DISABLE_TELEMETRY="true")
    _run(python, "-c", "import psycopg, sqlalchemy; sqlalchemy.create_engine('postgresql://u:p@localhost/x')")

    assert "3.17.2" in version
