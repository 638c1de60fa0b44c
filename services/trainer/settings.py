"""What the trainer is told at start, read once from COUNTERFOIL_ variables."""

from dataclasses import dataclass
from pathlib import Path

from shared.errors import InvalidInput
from shared.rpc.server import ServerSettings
from shared.settings import variable_of


@dataclass(frozen=True)
class Settings:
    """Every default is safe on a laptop: loopback only, everything under the current folder.

    `tables_root` bounds what callers may name as tables. `training_threads` 0 means as many as the rows are worth,
    at most one per core; the model does not depend on it. `trainer_database` is the SQLAlchemy URL of the database that
    keeps jobs and trials; empty: SQLite files in the state folder. `trainer_jobs_at_once` jobs run beside each other;
    one that the service's end interrupts is run again until it has had `trainer_job_attempts`. A job waits up to
    `mlflow_patience_s` for an MLflow that is away. `code_version` is what runs record of the code where there is no
    repository to ask.
    """

    trainer_address: str = "127.0.0.1:50051"
    mlflow_uri: str = "sqlite:///mlruns/mlflow.db"
    mlflow_artifacts: Path = Path("mlruns/artifacts")
    state_dir: Path = Path("var")
    tables_root: Path = Path("demo-data")
    training_threads: int = 0
    trainer_database: str = ""
    code_version: str = ""
    trainer_jobs_at_once: int = 2
    trainer_job_attempts: int = 5
    mlflow_patience_s: float = 900.0
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    allow_insecure_remote: bool = False
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        """Raise InvalidInput for a number of jobs or attempts below 1."""
        for name in ("trainer_jobs_at_once", "trainer_job_attempts"):
            if getattr(self, name) < 1:
                raise InvalidInput.of(variable_of(name), "must be 1 or more", reason="INVALID_SETTING")

    @property
    def job_store_url(self) -> str:
        """Where jobs are kept."""
        return self.trainer_database or self._sqlite("jobs.db")

    @property
    def trial_store_url(self) -> str:
        """Where Optuna keeps the trials of searches."""
        return self.trainer_database or self._sqlite("trials.db")

    @property
    def server(self) -> ServerSettings:
        """How the server listens."""
        return ServerSettings(
            address=self.trainer_address,
            tls_certificate=self.tls_certificate,
            tls_key=self.tls_key,
            tls_client_ca=self.tls_client_ca,
            allow_insecure_remote=self.allow_insecure_remote,
        )

    def _sqlite(self, file: str) -> str:
        return f"sqlite:///{(self.state_dir / 'trainer' / file).absolute()}"
