"""The MLflow that all services share: made ready before they start, and entered quietly by each.

`python -m shared.mlflow_store` prepares what COUNTERFOIL_MLFLOW_URI and COUNTERFOIL_MLFLOW_ARTIFACTS name.
"""

import fcntl
import os
import sqlite3
import sys
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.errors import CounterfoilError, Unavailable
from shared.settings import read_settings

_SQLITE = "sqlite:///"
# Which MLflow reads while it is imported; whoever starts the process may say otherwise.
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_RECORD_ENV_VARS_IN_MODEL_LOGGING": "false",
    # Nothing of ours is a pickle, so nothing is lost by never reading one.
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    # MLflow's own bounds let a caller wait for minutes on a server that is down.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
# Where a store in a database puts the artifacts of new experiments; MLflow's own default is the working directory.
_ARTIFACT_ROOT = "_MLFLOW_SERVER_ARTIFACT_ROOT"
_importing = threading.RLock()


@dataclass(frozen=True)
class Settings:
    """Which MLflow to make ready; the artifacts' folder counts for a SQLite database alone."""

    mlflow_uri: str = "sqlite:///mlruns/mlflow.db"
    mlflow_artifacts: Path = Path("mlruns/artifacts")


def quieten(environ: MutableMapping[str, str] = os.environ) -> None:
    """Set what keeps MLflow from telling others and from printing, unless it is set already.

    Some of it counts only before MLflow is imported for the first time, hence the imports inside functions here.
    """
    for name, value in _QUIET.items():
        environ.setdefault(name, value)


def connect(uri: str, artifacts: Path) -> None:
    """Make `uri` this process's MLflow for tracking and registry.

    With a SQLite database, experiments made from now on keep their artifacts under `artifacts`; a server has its own
    place for them. Opens nothing.
    """
    quieten()
    if uri.startswith(_SQLITE):
        os.environ[_ARTIFACT_ROOT] = artifacts.resolve().as_uri()
    import mlflow

    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)


def prepare(uri: str, artifacts: Path) -> None:
    """Make the SQLite database of `uri` and the artifacts' folder, or bring the database to this MLflow's schema.

    Any number of processes may call it at a time: one works, the others wait. A URI of another kind is left alone.
    Raises Unavailable MLFLOW_UNAVAILABLE.
    """
    connect(uri, artifacts)
    if not uri.startswith(_SQLITE):
        return
    database = Path(uri.removeprefix(_SQLITE))
    with reaching_mlflow(), _alone(database):
        artifacts.mkdir(parents=True, exist_ok=True)
        _open(database)
        _migrate(uri)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let one thread at a time import MLflow or open its store.

    Its modules import each other in circles: two threads that import it at once both fail, and so does every try after.
    """
    with _importing:
        yield


@contextmanager
def reaching_mlflow() -> Iterator[None]:
    """Turn what MLflow, its database and the network raise into Unavailable MLFLOW_UNAVAILABLE."""
    quieten()
    with one_at_a_time():
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise Unavailable(
            "MLflow cannot be used now; check that it runs, that COUNTERFOIL_MLFLOW_URI names it and that the disk has "
            "room, then retry",
            reason="MLFLOW_UNAVAILABLE",
            metadata={"cause": type(error).__name__},
        ) from error


def main() -> int:
    """Prepare what the settings name; return 0, or 2 after one line on stderr."""
    try:
        settings = read_settings(Settings, os.environ)
        prepare(settings.mlflow_uri, settings.mlflow_artifacts)
    except CounterfoilError as error:
        sys.stderr.write(f"error: {error.message} ({error.reason})\n")
        return 2
    return 0


@contextmanager
def _alone(database: Path) -> Iterator[None]:
    database.parent.mkdir(parents=True, exist_ok=True)
    with database.with_name(f"{database.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released by closing, also when the process is killed
        yield


def _open(database: Path) -> None:
    # MLflow itself would try for minutes to open what is no database.
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("pragma schema_version")


def _migrate(uri: str) -> None:
    import mlflow.db
    from mlflow.client import MlflowClient

    # What `mlflow db upgrade` runs; it makes the tables where there are none.
    mlflow.db.upgrade.callback(uri)  # type: ignore[misc]  # click types every command's function as optional
    # The first use makes the experiment "Default".
    MlflowClient(tracking_uri=uri, registry_uri=uri).search_experiments(max_results=1)


if __name__ == "__main__":
    sys.exit(main())
