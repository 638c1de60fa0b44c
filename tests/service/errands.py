"""Drift reports made in the test's own process, for job processes that would take seconds to import MLflow.

The monitor starts a real child for each job, as always; the child only asks, through a socket, that the work be done.
"""

import json
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from services.monitor.domain.drift import Comparison, Documents, DriftBounds, choose_drawn
from services.monitor.reporting import Reporter, build_reporter
from services.monitor.settings import Settings
from shared.jobs.child import JobContext
from shared.jobs.store import JobStore

METHOD = "difference of means"
BOUND = 0.5


class MeanComparer:
    """Calls it drift if the means lie half a standard deviation of the training data apart."""

    def compare(
        self,
        current: pl.DataFrame,
        reference: pl.DataFrame,
        categorical: frozenset[str],
        bounds: DriftBounds,
        most_drawn: int | None,
    ) -> tuple[Mapping[str, Comparison], Documents]:
        """Return each column's comparison, and what it was given as the JSON document."""
        scores = {column: _distance(current[column], reference[column]) for column in current.columns}
        given = {"rows": current.height, "categorical": sorted(categorical), "minimum": bounds.minimum_rows}
        comparisons = {
            column: Comparison(METHOD, score, BOUND, drifted=score >= BOUND) for column, score in scores.items()
        }
        html = f"<html><body>{'x' * 600_000}</body></html>"
        drawn = tuple(choose_drawn(comparisons, most_drawn))
        return comparisons, Documents(html=html, json=json.dumps(given), drawn=drawn)


def _distance(current: pl.Series, reference: pl.Series) -> float:
    frame = pl.DataFrame({"mean": [current.mean(), reference.mean()], "spread": [reference.std()] * 2})
    (now, spread), (then, _) = frame.rows()
    return float(abs(now - then) / max(spread, 1e-9))


@contextmanager
def errands(settings: Settings, place: Path) -> Iterator[tuple[str, ...]]:
    """Do the work of jobs for the length of a `with` block; yield the command of a child that asks for it."""
    store, reporter = JobStore(settings.jobs_url), build_reporter(settings, MeanComparer())
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()
        worker = threading.Thread(target=_work, args=(listener, store, reporter), daemon=True)
        worker.start()
        yield (sys.executable, "-I", "-S", "-c", _ASK, str(place))
        listener.shutdown(socket.SHUT_RDWR)
        worker.join()


_ASK = """
import socket, sys
with socket.socket(socket.AF_UNIX) as asking:
    asking.connect(sys.argv[1])
    asking.sendall(" ".join(sys.argv[2:]).encode())
    asking.shutdown(socket.SHUT_WR)
    asking.recv(1)
"""


def _work(listener: socket.socket, store: JobStore, reporter: Reporter) -> None:
    while True:
        try:
            asking, _ = listener.accept()
        except OSError:
            return
        with asking:
            job_id, attempt = asking.recv(1024).decode().split()
            job = store.get(job_id)
            store.succeed(job_id, int(attempt), reporter.make(JobContext(job, store)))
