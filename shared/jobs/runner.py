"""The runner: takes queued jobs in order and gives each a child process."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from shared.errors import Precondition
from shared.jobs.process import ChildProcess
from shared.jobs.store import Job, JobError, JobState, JobStore
from shared.logs import log_event

_LOGGER = logging.getLogger("counterfoil.jobs")
_BUSY_POLL_S = 0.05
_IDLE_POLL_S = 1.0

_GOES_ON = "interrupted; goes on from where it was"
_NOT_STARTED = JobError("CHILD_NOT_STARTED", "the job's process could not be started; see the service's log")


def _interrupted(attempts: int) -> JobError:
    times = "" if attempts == 1 else f", in each of {attempts} attempts"
    message = f"the service stopped while the job was running{times}; create the job again"
    return JobError("INTERRUPTED", message, {"attempts": str(attempts)})


def _died(exit_code: int) -> JobError:
    return JobError(
        "CHILD_DIED",
        "the job's process ended without a result, for example for want of memory; see the service's log",
        {"exit_code": str(exit_code)},
    )


@dataclass(frozen=True)
class _Child:
    """A process and the attempt that it works on."""

    job: Job
    process: ChildProcess


class JobRunner:
    """Runs the jobs of one store, at most `max_running` at a time, from start() to stop().

    A store has one runner: at start it takes every RUNNING job for a left-over of an earlier life. A job that is
    interrupted, because the service stops or was killed, is run again until its kind has had its `attempts`.
    """

    def __init__(
        self,
        store: JobStore,
        *,
        command: Sequence[str],
        environment: Mapping[str, str],
        max_running: int = 1,
        attempts: Mapping[str, int] | None = None,
        on_end: Callable[[Job], None] | None = None,
    ) -> None:
        """Make a runner whose children run `command JOB_ID ATTEMPT` with exactly this environment.

        A kind that `attempts` does not name has one. `on_end` is told each job that has run and has ended, in whatever
        way, on the runner's thread (for what start() and cancel() end, on the caller's).
        """
        self._store = store
        self._command = tuple(command)
        self._environment = dict(environment)
        self._max_running = max_running
        self._attempts = dict(attempts or {})
        self._on_end = on_end
        self._children: list[_Child] = []
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Queue again what was RUNNING, or mark it as FAILED (INTERRUPTED), then begin to take QUEUED jobs."""
        for job in self._store.in_state(JobState.RUNNING):
            # A child that outlives its parent for a moment may have ended the job since we looked.
            with suppress(Precondition):
                self._tell(self._interrupt(job))
        self._thread.start()

    def wake(self) -> None:
        """Look at the store now: a job was created."""
        self._woken.set()

    def cancel(self, job_id: str) -> Job:
        """Ask to end a job, and return it as it is now: see JobStore.request_cancel."""
        waiting = self._store.get(job_id).state is JobState.QUEUED
        job = self._store.request_cancel(job_id)
        self._woken.set()
        if waiting and job.state is JobState.CANCELLED and job.attempt:
            # It was to run again, so what its earlier attempts left is told of here and nowhere else.
            self._tell(job)
        return job

    def stop(self) -> None:
        """End the children, queue their jobs again or mark them as FAILED (INTERRUPTED); over within about 6 s."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                self._step()
            except Exception:  # the thread's boundary: one bad moment of the store must not end all jobs to come
                _LOGGER.exception("jobs cannot be attended to; trying again")
                self._stopping.wait(_IDLE_POLL_S)
            self._woken.wait(_BUSY_POLL_S if self._children else _IDLE_POLL_S)
        self._end_all()

    def _step(self) -> None:
        for child in tuple(self._children):
            self._attend(child)
        while len(self._children) < self._max_running:
            queued = self._store.in_state(JobState.QUEUED, limit=1)
            if not queued:
                return
            self._launch(queued[0])

    def _attend(self, child: _Child) -> None:
        exit_code = child.process.exit_code()
        if exit_code is not None:
            self._settle(child, lambda job: self._store.fail(job.id, job.attempt, _died(exit_code)))
        elif self._store.get(child.job.id, with_deleted=True).cancel_requested:
            child.process.terminate()

    def _launch(self, queued: Job) -> None:
        try:
            job = self._store.start(queued.id)
        except Precondition:
            return  # It was cancelled since we looked.
        log_event(_LOGGER, "job started", job=job.id, kind=job.kind, attempt=job.attempt)
        try:
            process = ChildProcess([*self._command, job.id, str(job.attempt)], self._environment)
        except OSError:
            _LOGGER.exception("a job's process cannot be started", extra={"fields": {"job": job.id}})
            self._tell(self._store.fail(job.id, job.attempt, _NOT_STARTED))
        else:
            self._children.append(_Child(job, process))

    def _settle(self, child: _Child, otherwise: Callable[[Job], Job]) -> None:
        """Give the job of an ended child its end, unless the child did: CANCELLED when that was asked, or another."""
        # What a child has made may be deleted between its last word and the end of its process.
        job = self._store.get(child.job.id, with_deleted=True)
        if not job.state.ended:
            job = self._cancelled(job) if job.cancel_requested else otherwise(job)
        self._children.remove(child)
        child.process.close()
        self._tell(job)

    def _end_all(self) -> None:
        while any(child.process.exit_code() is None for child in self._children):
            for child in self._children:
                child.process.terminate()
            time.sleep(_BUSY_POLL_S)
        for child in tuple(self._children):
            try:
                self._settle(child, self._interrupt)
            except Exception:  # the thread's boundary: the next start() marks what could not be written now
                _LOGGER.exception("a job's end cannot be stored", extra={"fields": {"job": child.job.id}})
                child.process.close()

    def _interrupt(self, job: Job) -> Job:
        """Settle a job whose process has ended with the service, or ended before this one began."""
        if job.cancel_requested:
            return self._cancelled(job)
        if job.attempt < self._attempts.get(job.kind, 1):
            return self._store.requeue(job.id, job.attempt, _GOES_ON)
        return self._store.fail(job.id, job.attempt, _interrupted(job.attempt))

    def _cancelled(self, job: Job) -> Job:
        return self._store.cancelled(job.id, job.attempt)

    def _tell(self, job: Job) -> None:
        if not job.state.ended:
            log_event(_LOGGER, "job interrupted", job=job.id, kind=job.kind, attempt=job.attempt)
            return
        reason = job.error.reason if job.error is not None else ""
        log_event(_LOGGER, "job ended", job=job.id, kind=job.kind, state=job.state.value, reason=reason)
        if self._on_end is None:
            return
        try:
            self._on_end(job)
        except Exception:  # the runner's boundary: what the service does with the news is not the other jobs' matter
            _LOGGER.exception("the end of a job could not be followed up", extra={"fields": {"job": job.id}})
