"""What the scorer is told at start, read once from COUNTERFOIL_* variables."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Every default is safe on a laptop: loopback only, everything under the current folder.

    `monitor_tls_ca` turns on TLS towards the monitor: the authority that signed its certificate; the scorer then shows
    its own certificate, if it has one. `spool_max_bytes` bounds the file that answers wait in for the monitor,
    and anew those that the inputs of chunks wait in.
    """

    scorer_address: str = "127.0.0.1:50052"
    monitor_address: str = "127.0.0.1:50053"
    monitor_tls_ca: Path | None = None
    mlflow_uri: str = "sqlite:///mlruns/mlflow.db"
    mlflow_artifacts: Path = Path("mlruns/artifacts")
    state_dir: Path = Path("var")
    model: str = "credit-default"
    alias: str = "champion"
    # Alias of a version that is served beside the champion and answers each decision as its shadow; empty: none.
    challenger_alias: str = ""
    # Raw columns, separated by commas, that no served model may use: TABLE.COLUMN, or COLUMN of the application.
    barred_columns: str = ""
    # How often the scorer looks whether an alias has moved; 0: only ReloadModel does.
    watch_seconds: float = 10.0
    # Processes that answer on the one address, each pinned to a core; with more than one, a supervisor starts them.
    scorer_workers: int = 1
    # Calls that one connection may have here at once; its client keeps further ones with itself.
    scorer_connection_calls: int = 100
    # Set by the supervisor for each of its workers: its number from 0, and the folder of the workers' private sockets.
    scorer_worker: int | None = None
    scorer_room: Path | None = None
    # Where Prometheus polls, as host:port; empty: nowhere.
    scorer_metrics_address: str = ""
    spool_max_bytes: int = 2 << 30
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    allow_insecure_remote: bool = False
    log_level: str = "INFO"

    @property
    def spool_folder(self) -> Path:
        """Return the folder that holds the spool; one process at a time uses it, each worker has its own."""
        return self._spool_of(self.scorer_worker or 0)

    @property
    def other_spool_folders(self) -> list[Path]:
        """Return the folders of the other workers' spools, and of those that are left from when there were more."""
        workers = {self._spool_of(number) for number in range(self.scorer_workers)}
        left = (self.state_dir / "scorer").glob("spool*/")
        return sorted({*workers, *left} - {self.spool_folder})

    @property
    def call_locks(self) -> Path:
        """Return the file by which processes agree on who answers a call; it is empty."""
        return self.state_dir / "scorer" / "calls.lock"

    @property
    def barred(self) -> tuple[str, ...]:
        """Return the barred columns."""
        return tuple(name.strip() for name in self.barred_columns.split(",") if name.strip())

    @property
    def private_socket(self) -> Path | None:
        """Return the socket on which this worker answers the others."""
        return None if self.scorer_room is None else socket_of(self.scorer_room, self.scorer_worker or 0)

    @property
    def sibling_sockets(self) -> list[Path]:
        """Return the sockets of the other workers."""
        if self.scorer_room is None:
            return []
        others = (number for number in range(self.scorer_workers) if number != self.scorer_worker)
        return [socket_of(self.scorer_room, number) for number in others]

    @property
    def cache_folder(self) -> Path:
        """Return where what was fetched from MLflow is kept."""
        return self.state_dir / "scorer" / "cache"

    def _spool_of(self, worker: int) -> Path:
        return self.state_dir / "scorer" / (f"spool-{worker}" if worker else "spool")


def socket_of(room: Path, worker: int) -> Path:
    """Return the private socket of a worker."""
    return room / f"{worker}.sock"
