"""A job's process for the tests: `python -m tests.unit.jobs.child_program JOB_ID ATTEMPT`.

What it does is the job's payload; JOBS_URL names the store, and a stage tells the test where it stands.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from shared.errors import Precondition
from shared.jobs.child import JobContext, run_child
from shared.jobs.store import JobStore

LONG_S = 60.0


def succeed(context: JobContext) -> str:
    """Report half, leave a first result, then return the second."""
    context.report(0.5, "half way")
    context.update_result("so far")
    return "made"


def refuse(_context: JobContext) -> str:
    """Fail as a domain does."""
    raise Precondition("the table is missing; add it", reason="TABLE_MISSING", metadata={"table": "bureau"})


def crash(_context: JobContext) -> str:
    """Fail as a bug does."""
    raise ValueError("secret 4711")


def die(_context: JobContext) -> str:
    """End the process without a word."""
    os._exit(7)


def be_deleted(context: JobContext) -> str:
    """Succeed, and have what was made deleted before this process has ended."""
    context.store.succeed(context.job.id, context.job.attempt, "made")
    context.store.delete(context.job.id)
    os._exit(0)


def linger(context: JobContext) -> str:
    """Write a temporary file, tell its folder and this process's number, then work for long."""
    folder = Path(tempfile.mkdtemp())
    context.update_result(f"{os.getpid()} {folder}")
    context.report(0.1, "lingering")
    threading.Event().wait(LONG_S)
    return "too late"


def linger_at_first(context: JobContext) -> str:
    """Work for long in the first attempt, in the next return what that one left."""
    if context.job.attempt == 1:
        return linger(context)
    return f"found {context.job.result} at {context.job.fraction}"


def ignore_terminate(context: JobContext) -> str:
    """Linger without listening to SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return linger(context)


def start_another(context: JobContext) -> str:
    """Start a process of its own and tell its number, then work for long."""
    with subprocess.Popen(["sleep", str(LONG_S)]) as process:
        context.update_result(f"{process.pid} -")
        context.report(0.1, "lingering")
        process.wait()
    return "too late"


def abandon(_context: JobContext) -> str:
    """Start a process of its own, then end without a word and leave it behind."""
    subprocess.Popen(["sleep", str(LONG_S)])
    os._exit(7)


def report_on(context: JobContext) -> str:
    """Report again and again, until that is refused."""
    while True:
        context.report(0.1, "reporting")


def read_stdin(_context: JobContext) -> str:
    """Return what a library that reads stdin would get, and the temporary folder that this process was given."""
    return repr(sys.stdin.read()) + " " + tempfile.gettempdir()


WORK = {
    each.__name__: each
    for each in (
        succeed,
        refuse,
        crash,
        die,
        be_deleted,
        linger,
        linger_at_first,
        ignore_terminate,
        start_another,
        abandon,
        report_on,
        read_stdin,
    )
}


def work(context: JobContext) -> str:
    """Do what the payload names."""
    return WORK[context.job.payload](context)


if __name__ == "__main__":
    raise SystemExit(run_child(JobStore(os.environ["JOBS_URL"]), sys.argv[1:], work))
