"""Inside a job's process: guard the pipe to the parent, do the work, and say how it ended."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.errors import CounterfoilError
from shared.jobs.store import STALE_ATTEMPT, Job, JobError, JobState, JobStore
from shared.logs import log_event

_LOGGER = logging.getLogger("counterfoil.jobs")

EXIT_SUCCEEDED, EXIT_FAILED, EXIT_USAGE, EXIT_STALE = 0, 1, 2, 3
_INTERNAL = JobError("INTERNAL", "the job failed inside; the service's log tells more under the job's id")


@dataclass(frozen=True)
class JobContext:
    """What the work is given: its job, and the two ways to tell of its progress.

    Both raise Precondition (STALE_ATTEMPT) when the job was ended by others; the work then has to stop.
    """

    job: Job
    store: JobStore

    def report(self, fraction: float, stage: str) -> None:
        """Say how far the work has come, 0 to 1, and what is being done now; a commit to disk each."""
        self.store.report(self.job.id, self.job.attempt, fraction, stage)

    def update_result(self, result: str) -> None:
        """Replace what is known of the result so far."""
        self.store.update_result(self.job.id, self.job.attempt, result)


def run_child(store: JobStore, argv: Sequence[str], work: Callable[[JobContext], str]) -> int:
    """Do the work of `JOB_ID ATTEMPT` and return the exit code: 0 succeeded, 1 failed, 2 usage, 3 an outdated attempt.

    The work returns the job's result. A CounterfoilError that it raises becomes the job's error; any other exception
    is logged with its traceback and becomes INTERNAL. The process ends at once on SIGTERM, and when its stdin closes:
    then the parent has died.
    """
    guard_parent()
    match argv:
        case [job_id, attempt] if attempt.isdecimal():
            return _run(store, job_id, int(attempt), work)
    _LOGGER.error("a job's process takes a job id and the number of an attempt")
    return EXIT_USAGE


def guard_parent() -> None:
    """End this process from now on when its stdin closes or SIGTERM arrives; stdin itself then reads as empty.

    An entry point whose imports take seconds may call it before them; calling it again changes nothing.
    """
    if _guarded.is_set():
        return
    _guarded.set()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # What the work itself starts must not hold, or read from, the pipe.
    pipe = os.dup(0)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    threading.Thread(target=_end_with, args=(pipe,), name="parent guard", daemon=True).start()


_guarded = threading.Event()


def _end_with(pipe: int) -> None:
    """End this process, and what it started in its group, when the pipe's other end has closed."""
    while os.read(pipe, 1024):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(EXIT_STALE)


def _run(store: JobStore, job_id: str, attempt: int, work: Callable[[JobContext], str]) -> int:
    try:
        job = store.get(job_id)
        if job.attempt != attempt or job.state is not JobState.RUNNING:
            log_event(_LOGGER, "an outdated attempt does nothing", job=job_id, attempt=attempt)
            return EXIT_STALE
        return _work(store, job, work)
    except CounterfoilError as error:
        if error.reason != STALE_ATTEMPT:
            raise
        log_event(_LOGGER, "the attempt was ended by others", job=job_id, attempt=attempt)
        return EXIT_STALE


def _work(store: JobStore, job: Job, work: Callable[[JobContext], str]) -> int:
    """Do the work and store its end; raises Precondition (STALE_ATTEMPT) when the attempt is over."""
    try:
        store.succeed(job.id, job.attempt, work(JobContext(job, store)))
    except CounterfoilError as error:
        log_event(_LOGGER, "the job's work failed", job=job.id, reason=error.reason)
        store.fail(job.id, job.attempt, JobError(error.reason, error.message, error.metadata))
    except Exception:  # the process's boundary
        _LOGGER.exception("the job's work failed", extra={"fields": {"job": job.id}})
        store.fail(job.id, job.attempt, _INTERNAL)
    else:
        return EXIT_SUCCEEDED
    return EXIT_FAILED
