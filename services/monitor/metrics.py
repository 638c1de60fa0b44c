"""The monitor's figures for Prometheus: what is counted as it happens, and what is looked up at each poll."""

import time
from collections import Counter as Tally
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from services.monitor.adapters.ledger import Ledger
from services.monitor.drift_board import DriftBoard
from services.monitor.projector import Projector
from services.monitor.response import Response
from shared.errors import CounterfoilError, Unavailable
from shared.jobs.store import JobStore

# Seconds; a segment of some MiB takes tens of milliseconds.
_BUCKETS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class IngestMeter:
    """Counts segments and their records on their way into the log."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register its figures, which begin at 0."""
        self._segments = Counter(
            "counterfoil_monitor_segments",
            "Segments that arrived, by outcome: stored, or known already.",
            ["outcome"],
            registry=registry,
        )
        self._records = Counter("counterfoil_monitor_records", "Records that were stored.", registry=registry)
        self._refused = Counter(
            "counterfoil_monitor_segments_refused", "Segments refused, by reason.", ["reason"], registry=registry
        )
        self._seconds = Histogram(
            "counterfoil_monitor_ingest_seconds",
            "From a segment's arrival to its acknowledgement.",
            registry=registry,
            buckets=_BUCKETS,
        )

    @contextmanager
    def ingesting(self) -> Iterator[None]:
        """Time the block, and count the refusal that it raises."""
        began = time.perf_counter()
        try:
            yield
        except CounterfoilError as error:
            self._refused.labels(error.reason).inc()
            raise
        self._seconds.observe(time.perf_counter() - began)

    def stored(self, records: int, *, already_stored: bool) -> None:
        """Count a segment that is in the log."""
        self._segments.labels("known" if already_stored else "stored").inc()
        if not already_stored:
            self._records.inc(records)


@dataclass(frozen=True)
class Standings(Collector):
    """How things stand, looked up when Prometheus polls."""

    ledger: Ledger
    projector: Projector
    board: DriftBoard
    response: Response
    jobs: JobStore

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every figure; those of a database that does not answer are left out, and database_up says so."""
        yield _gauge("ledger_version", "Commits of the ledger.", self.ledger.version)
        lag = max(0, self.ledger.version - self.projector.commit)
        yield _gauge("projection_lag", "Commits of the ledger that are not projected yet.", lag)
        waiting = len(self.projector.waiting)
        yield _gauge("waiting_model_versions", "Model versions whose records wait for their bundle.", waiting)
        yield self._drift()
        try:
            kept = list(self._kept())
        except Unavailable:
            kept = []
        yield from kept
        yield _gauge("database_up", "Whether the monitor's databases answer, 0 or 1.", float(bool(kept)))

    def _drift(self) -> GaugeMetricFamily:
        about = "The verdict on a window, 0 or 1; absent while it is too small."
        family = _family("drifted", about, "model_version", "window", "part")
        for model_version in self.ledger.model_versions():
            for verdict in self.board.verdicts(model_version):
                found = verdict.finding
                parts = (found.data_drifted, found.score_drifted, found.contributions_drifted)
                for part, drifted in zip(("data", "score", "contributions"), parts, strict=True):
                    if drifted is not None:
                        family.add_metric([model_version, verdict.window.lower(), part], float(drifted))
        return family

    def _kept(self) -> Iterator[GaugeMetricFamily]:
        alerts = _family("open_alerts", "Alerts that are not resolved.", "severity")
        for severity, count in self.response.alerting.open_counts().items():
            alerts.add_metric([severity], count)
        proposals = _family("open_retrain_proposals", "Retrain proposals that have not ended.", "state")
        for state, count in Tally(each.state for each in self.response.retraining.unended()).items():
            proposals.add_metric([state.lower()], count)
        jobs = _family("jobs", "Jobs by kind and state.", "kind", "state")
        for (kind, job_state), count in self.jobs.counts().items():
            jobs.add_metric([kind, job_state.lower()], count)
        yield from (alerts, proposals, jobs)
        yield _gauge("webhook_outbox", "Messages that the webhook has not taken yet.", self.response.outbox.depth())


def _family(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"counterfoil_monitor_{name}", about, labels=labels)


def _gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"counterfoil_monitor_{name}", about, value=value)
