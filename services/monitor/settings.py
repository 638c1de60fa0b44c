"""The monitor's settings, read once from COUNTERFOIL_* variables."""

from dataclasses import dataclass, field
from pathlib import Path

from services.monitor.adapters.locations import LEDGER, PROJECTIONS, Location, location_of
from services.monitor.domain.drift import DriftBounds
from services.monitor.domain.drift_judging import DriftLimits
from services.monitor.domain.drift_windows import WindowLengths, check_lengths
from shared.digests import digest_of
from shared.errors import FieldViolation, InvalidInput
from shared.settings import variable_of


@dataclass(frozen=True)
class Settings:
    """Where the monitor listens, keeps its log and finds MLflow, and what it calls drift."""

    monitor_address: str = "127.0.0.1:50053"
    mlflow_uri: str = "sqlite:///mlruns/mlflow.db"
    mlflow_artifacts: Path = Path("mlruns/artifacts")
    state_dir: Path = Path("var")
    # Where the prediction log lies: a folder, or the URL of a place in an object store; empty: in the monitor's folder.
    log_url: str = ""
    # SQLAlchemy URL of the database of all that is not the log; empty: a SQLite file in the monitor's folder.
    monitor_database: str = ""
    # Rows and values of a side below which nothing is compared, in reports and in windows.
    drift_minimum_rows: int = 100
    # Share of drifted columns from which the data as a whole counts as drifted.
    drift_share_bound: float = 0.5
    # Windows that are always watched: the last decisions, hours and days.
    drift_last_count: int = 5_000
    drift_last_hours: float = 24.0
    drift_last_days: int = 30
    # Population stability index below which a shift counts as none, however sure it is.
    drift_psi: float = 0.1
    # Newest decisions of a model version that are read at start to fill its windows.
    drift_history_rows: int = 50_000
    # How often windows are judged anew while decisions come in.
    drift_refresh_s: float = 5.0
    # Where the trainer listens, which is asked to train anew; with the authority of its certificate, over TLS.
    trainer_address: str = "127.0.0.1:50051"
    trainer_tls_ca: Path | None = None
    # TOML file of the rules that raise alerts; without one those that are shipped hold.
    alert_rules: Path | None = None
    # Where alerts are posted to, and the secret that signs them; empty: nowhere.
    webhook_url: str = ""
    webhook_secret: str = field(default="", repr=False)
    # Where Prometheus polls, host:port; empty: nowhere.
    monitor_metrics_address: str = ""
    # How often records whose bundle was unknown are tried again.
    projection_retry_s: float = 30.0
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    allow_insecure_remote: bool = False
    log_level: str = "INFO"

    @property
    def drift_bounds(self) -> DriftBounds:
        """Return what a drift report holds its figures against."""
        return DriftBounds(self.drift_minimum_rows, self.drift_share_bound)

    @property
    def drift_lengths(self) -> WindowLengths:
        """Return how far the windows reach back; raises InvalidInput for lengths out of bounds."""
        lengths = WindowLengths(self.drift_last_count, self.drift_last_hours, self.drift_last_days)
        violations = check_lengths(lengths)
        if violations:
            named = [FieldViolation(variable_of(f"drift_{each.field}"), each.description) for each in violations]
            raise InvalidInput(named, reason="INVALID_SETTING")
        return lengths

    @property
    def drift_limits(self) -> DriftLimits:
        """Return what counts as drift in a window."""
        return DriftLimits(minimum_rows=self.drift_minimum_rows, psi=self.drift_psi)

    @property
    def folder(self) -> Path:
        """Return the folder that holds the monitor's state."""
        return self.state_dir / "monitor"

    @property
    def log(self) -> Location:
        """Return where the prediction log lies."""
        return location_of(self.log_url) if self.log_url else self.folder / "log"

    @property
    def ledger(self) -> Location:
        """Return where the ledger lies."""
        return self.log / LEDGER

    @property
    def projections(self) -> Location:
        """Return where the projections lie."""
        return self.log / PROJECTIONS

    @property
    def progress_file(self) -> Path:
        """Return the file that says how far the projections are; without it they are built anew where they lack rows.

        It lies beside projections in a folder, and is removed with them; those of an object store have one here.
        """
        if isinstance(self.projections, Path):
            return self.projections / "progress.json"
        return self.folder / f"progress-{digest_of(self.log_url.encode())[:16]}.json"

    @property
    def projection_lock(self) -> Path:
        """Return the file that keeps the projector from reading what is being erased."""
        return self.folder / "projecting.lock"

    @property
    def reports_folder(self) -> Path:
        """Return where each drift report has a folder of its documents."""
        return self.folder / "reports"

    @property
    def cache_folder(self) -> Path:
        """Return where what was fetched from MLflow is kept."""
        return self.folder / "cache"

    @property
    def database_url(self) -> str:
        """Return the SQLAlchemy URL of the monitor's database."""
        return self.monitor_database or f"sqlite:///{(self.folder / 'monitor.db').absolute()}"

    @property
    def jobs_url(self) -> str:
        """Return the SQLAlchemy URL of the job store."""
        return f"sqlite:///{(self.folder / 'jobs.db').absolute()}"

    @property
    def upkeep_url(self) -> str:
        """Return the SQLAlchemy URL of the store of jobs that change what is stored of the log."""
        return f"sqlite:///{(self.folder / 'upkeep.db').absolute()}"
