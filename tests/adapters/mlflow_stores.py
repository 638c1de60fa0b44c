"""A real MLflow for tests, made once a session, since making its tables takes seconds."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow.client import MlflowClient

from shared.mlflow_store import connect
from tests.processes import ROOT


@dataclass(frozen=True)
class MlflowStore:
    """A SQLite database and its artifacts' folder."""

    uri: str
    artifacts: Path

    @property
    def client(self) -> MlflowClient:
        """A client of it."""
        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)


@dataclass(frozen=True)
class Prepared:
    """A prepared store, its database, and of each process that prepared it what it printed and its exit code."""

    store: MlflowStore
    database: Path
    ends: list[tuple[str, int]]


def store_in(folder: Path) -> MlflowStore:
    """Return the store that lies, or is to lie, in a folder."""
    return MlflowStore(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")


def prepare_at_once(folder: Path, *, processes: int) -> Prepared:
    """Start `python -m shared.mlflow_store` several times on one folder that is not there yet, and wait for all."""
    store = store_in(folder)
    settings = {"COUNTERFOIL_MLFLOW_URI": store.uri, "COUNTERFOIL_MLFLOW_ARTIFACTS": str(store.artifacts)}
    command = [sys.executable, "-m", "shared.mlflow_store"]
    started = [
        subprocess.Popen(command, cwd=ROOT, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    outputs = [process.communicate(timeout=240)[0] for process in started]
    ends = [(output, process.returncode) for output, process in zip(outputs, started, strict=True)]
    return Prepared(store, folder / "mlflow.db", ends)


@contextmanager
def connected(store: MlflowStore) -> Iterator[MlflowStore]:
    """Make it this process's MLflow for the length of a `with` block."""
    before, tracking, registry = dict(os.environ), mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    connect(store.uri, store.artifacts)
    try:
        yield store
    finally:
        mlflow.set_tracking_uri(tracking)
        mlflow.set_registry_uri(registry)
        os.environ.clear()
        os.environ.update(before)
