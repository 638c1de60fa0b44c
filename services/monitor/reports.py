"""Drift reports as durable jobs: asked for, followed, cancelled, read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from services.monitor.adapters.report_files import ReportFiles
from services.monitor.domain.model import Models
from services.monitor.domain.report import AskedReport, ReportRequest, ReportResult, check_asked, settle
from services.monitor.domain.status import ReportNews
from services.monitor.standing import Standing
from shared.errors import AlreadyExists, Precondition
from shared.jobs.store import Job, JobState, JobStore
from shared.rpc.jobs import watch

KIND = "drift_report"


@dataclass(frozen=True)
class Report:
    """A drift report: its job, what it is to compare, and what it found once it has succeeded."""

    job: Job
    request: ReportRequest
    result: ReportResult | None


class Reports:
    """The reports of a job store.

    `await_projection` returns once what was acknowledged of a model version can be read, `wake` tells that there is
    a job to run or to end, `new_id` gives a name that no report had.
    """

    def __init__(
        self,
        store: JobStore,
        files: ReportFiles,
        models: Models,
        standing: Standing,
        *,
        await_projection: Callable[[str], None],
        wake: Callable[[], None],
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._files = files
        self._models = models
        self._standing = standing
        self._await_projection = await_projection
        self._wake = wake
        self._new_id = new_id

    def load(self) -> None:
        """Tell the standing of every report there is."""
        before = ""
        while True:
            _, before = self.list(page_size=200, before=before)
            if not before:
                return

    def create(self, asked: AskedReport, *, request_id: str, caller: str) -> Report:
        """Store a report to be made and return it; one with the request_id of an equal one returns that.

        Raises InvalidInput for bounds and columns, what Models.find does, AlreadyExists (REQUEST_ID_REUSED), and
        Unavailable (PROJECTION_BEHIND) if what was acknowledged cannot be read yet.
        """
        check_asked(asked)
        request = settle(asked, self._models.find(asked.model_version))
        if asked.window is not None:
            self._await_projection(request.model_version)
        report = self._report(self._make(request, request_id, caller))
        self._wake()
        return report

    def get(self, report_id: str) -> Report:
        """Return the report; raises NotFound (JOB_NOT_FOUND)."""
        return self._report(self._store.get(report_id, kind=KIND))

    def list(self, *, page_size: int, before: str = "", model_version: str = "") -> tuple[list[Report], str]:
        """Return reports, newest first, of one model version if it is named, and the position to go on before."""
        jobs, position = self._store.list(kind=KIND, page_size=page_size, before=before, label=model_version)
        return [self._report(job) for job in jobs], position

    def cancel(self, report_id: str) -> Report:
        """Ask to end the report's job and return the report as it is now; raises NotFound (JOB_NOT_FOUND)."""
        job = self._store.request_cancel(self.get(report_id).job.id)
        self._wake()
        return self._report(job)

    def watch(self, report_id: str, is_active: Callable[[], bool]) -> Iterator[Report]:
        """Yield the report and its news until its job has ended; raises NotFound (JOB_NOT_FOUND)."""
        self.get(report_id)
        for job in watch(self._store, report_id, is_active):
            yield self._report(job)

    def document(self, report_id: str, name: str) -> Path:
        """Return the file of a succeeded report's document.

        Raises NotFound (JOB_NOT_FOUND), Precondition (REPORT_NOT_READY, REPORT_FILE_MISSING).
        """
        state = self.get(report_id).job.state
        if state is not JobState.SUCCEEDED:
            message = f"report {report_id} is {state}; it can be read once it has SUCCEEDED"
            raise Precondition(message, reason="REPORT_NOT_READY", metadata={"state": state})
        path = self._files.path(report_id, name)
        if not path.is_file():
            message = f"the documents of report {report_id} are gone from the monitor's disk; its MLflow run has them"
            raise Precondition(message, reason="REPORT_FILE_MISSING")
        return path

    def _make(self, request: ReportRequest, request_id: str, caller: str) -> Job:
        try:
            return self._store.create(
                id=self._new_id(),
                kind=KIND,
                payload=request.to_json(),
                caller=caller,
                request_id=request_id,
                label=request.model_version,
            )
        except AlreadyExists as error:
            first = self._store.get(error.metadata["job"])
            # An alias may have moved since: what was asked is the same all the same.
            if ReportRequest.from_json(first.payload).asked != request.asked:
                raise
            return first

    def _report(self, job: Job) -> Report:
        """Return the job as a report; whoever sees it succeed must find it in the standing as well."""
        report = read_report(job)
        note(self._standing, report)
        return report


def read_report(job: Job) -> Report:
    """Return the job of a report as the report."""
    request = ReportRequest.from_json(job.payload)
    if job.state is not JobState.SUCCEEDED or job.result is None:
        return Report(job, request, None)
    return Report(job, request, ReportResult.from_json(job.result))


def note(standing: Standing, report: Report) -> None:
    """Tell the standing of a report if it says something of logged predictions."""
    if report.result is None or report.job.end_time is None or report.request.asked.window is None:
        return
    drift = report.result.drift
    news = ReportNews(report.job.id, report.job.end_time, drift.drifted, drift.drifted_share)
    standing.note(report.request.model_version, news)
