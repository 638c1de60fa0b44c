"""The scorer's figures for Prometheus; those of several workers are added up by their supervisor."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

from services.scorer.adapters.spool import Depth
from services.scorer.domain.serving import Served
from shared.errors import CounterfoilError
from shared.repeating import Repeating
from shared.rpc.boundary import FinishedRpc

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""What tells prometheus_client, when it is imported, to keep the figures in files that the supervisor reads."""
EVERY_SECONDS: Final = 1.0
_STAGES: Final = ("queue", "score", "log")
_SECONDS: Final = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5)
_ROWS: Final = (1, 2, 4, 8, 16, 24)
_COUNTED: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "refused": ("Calls that ended with an error, by code and reason.", ("code", "reason")),
    "told_less": (
        "Rows with less of the reasons than was asked for, because of an overload, by what was told.",
        ("explain",),
    ),
    "challenger_left_out": ("Decisions that the challenger has not answered as well, by reason.", ("reason",)),
    "failures_recorded": ("Calls and rows without an answer that are in the prediction log.", ()),
    "failures_lost": (
        "Calls and rows without an answer that never will be, because the spool is half full or failed.",
        (),
    ),
}


class Meter:
    """Counts what is answered and how long each stage takes, a batch at a time."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the figures, which begin at 0."""
        prefix = "counterfoil_scorer_"
        seconds = Histogram(
            f"{prefix}batch_seconds",
            "Of the rows answered together: the longest wait in the queue, the scoring, and the commit to the log.",
            ["stage"],
            registry=registry,
            buckets=_SECONDS,
        )
        self._queue, self._score, self._log = (seconds.labels(stage) for stage in _STAGES)
        self._rows = Histogram(f"{prefix}batch_rows", "Rows answered together.", registry=registry, buckets=_ROWS)
        self._counts = {
            name: Counter(f"{prefix}{name}", what, labels, registry=registry)
            for name, (what, labels) in _COUNTED.items()
        }
        self._records = Gauge(
            f"{prefix}spool_records",
            "Records that wait for the monitor.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._bytes = Gauge(f"{prefix}spool_bytes", "Their size.", registry=registry, multiprocess_mode="livesum")
        self._used = Gauge(
            f"{prefix}spool_used_ratio",
            "Share of the spool's bound that is used, by answers kept under a request_id, too; of the fullest spool.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._served = Gauge(
            f"{prefix}served",
            "1 for the model version, bundle and kernel that answer now, 0 for those that did.",
            ["model_version", "bundle_digest", "kernel_id"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._last: tuple[str, str, str] | None = None

    def taken(self, waits: Sequence[float]) -> None:
        """Count rows that are answered together, by the seconds that each has waited."""
        self._rows.observe(len(waits))
        self._queue.observe(max(waits))

    def scored(self, seconds: float) -> None:
        """Count the scoring of a batch."""
        self._score.observe(seconds)

    def logged(self, seconds: float) -> None:
        """Count the commit of a batch."""
        self._log.observe(seconds)

    def left_out(self, reason: str, rows: int) -> None:
        """Count decisions that the challenger has not answered."""
        self._counts["challenger_left_out"].labels(reason).inc(rows)

    def told_less(self, detail: str, rows: int) -> None:
        """Count rows that are told this detail alone because the scorer is overloaded."""
        self._counts["told_less"].labels(detail).inc(rows)

    def failures_recorded(self, count: int) -> None:
        """Count failures that are on disk."""
        self._counts["failures_recorded"].inc(count)

    def failures_lost(self, count: int) -> None:
        """Count failures that only the log lines tell of."""
        self._counts["failures_lost"].inc(count)

    def ended(self, rpc: FinishedRpc) -> None:
        """Count a call if it ended with an error."""
        if rpc.code != "OK":
            self._counts["refused"].labels(rpc.code, rpc.reason).inc()

    def spool(self, depth: Depth) -> None:
        """Tell what waits for the monitor, and how full the spool is."""
        self._records.set(depth.records)
        self._bytes.set(depth.bytes)
        self._used.set(depth.used)

    def serves(self, served: Served) -> None:
        """Tell what answers from now on."""
        if self._last is not None:
            self._served.labels(*self._last).set(0)
        self._last = (served.model_version, served.bundle.digest, served.bundle.kernel_id)
        self._served.labels(*self._last).set(1)


def spool_watch(
    depth: Callable[[], Depth], tell: Callable[[Depth], None], *, every_seconds: float = EVERY_SECONDS
) -> Repeating:
    """Return a thread that tells the meter every second what waits in the spool."""

    def look() -> None:
        """Tell it once."""
        # The spool's own log line says what is wrong with the disk; the figure stays what it was.
        with suppress(CounterfoilError):
            tell(depth())

    return Repeating(look, every_seconds=every_seconds, name="spool-watch")


def figures_of_workers(folder: Path) -> CollectorRegistry:
    """Return a registry that adds up the figures in the workers' files at each poll."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]  # untyped in the library
    return registry
