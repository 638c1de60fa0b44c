"""A job's process by itself, and what becomes of it when its parent is killed.

Every process here inherits one pipe as stderr: reading it ends when the last of them, grandchildren too, has ended.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shared.jobs.store import JobError, JobState, JobStore
from tests.unit.jobs.conftest import CHILD, TIMEOUT_S, child_environment, has_ended, lingers, wait_until

PARENT = (sys.executable, "-m", "tests.unit.jobs.parent_program")


@contextmanager
def process(*command: str, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a group of its own, with pipes as stdin and stderr; end it with the block."""
    pipe = subprocess.PIPE
    environment = child_environment(url)
    with subprocess.Popen(command, stdin=pipe, stderr=pipe, env=environment, start_new_session=True) as running:
        try:
            yield running
        finally:
            running.kill()


def all_ended_after_s(running: subprocess.Popen[bytes]) -> float:
    """Return how long it takes until every process that holds the pipe has ended."""
    assert running.stderr is not None
    began = time.monotonic()
    running.stderr.read()
    return time.monotonic() - began


def begin(store: JobStore, payload: str) -> str:
    """Store a job that does what the payload names and begin its first attempt, without a runner."""
    store.create(id=payload, kind="test", payload=payload, caller="test")
    return store.start(payload).id


def test_an_unforeseen_error_is_told_to_the_log_alone(store: JobStore, url: str) -> None:
    """The caller gets INTERNAL and a sentence; message and traceback are on stderr."""
    job_id = begin(store, "crash")

    with process(*CHILD, job_id, "1", url=url) as child:
        code = child.wait(TIMEOUT_S)
        log = child.stderr.read().decode() if child.stderr else ""

    job = store.get(job_id)
    assert (code, job.state) == (1, JobState.FAILED)
    assert job.error is not None
    assert job.error.reason == "INTERNAL"
    assert "4711" not in job.error.message
    assert "ValueError: secret 4711" in log
    assert "Traceback" in log


def test_the_work_reads_nothing_from_the_pipe(store: JobStore, url: str) -> None:
    """A library that reads stdin finds it empty instead of waiting for the parent."""
    job_id = begin(store, "read_stdin")

    with process(*CHILD, job_id, "1", url=url) as child:
        code = child.wait(TIMEOUT_S)

    assert code == 0
    assert (store.get(job_id).result or "").startswith("''")


@pytest.mark.parametrize("arguments", [[], ["a", "one"]])
def test_wrong_arguments_are_a_usage_error(url: str, arguments: list[str]) -> None:
    """The exit code is 2 and a line says what is expected."""
    with process(*CHILD, *arguments, url=url) as child:
        code = child.wait(TIMEOUT_S)
        log = child.stderr.read().decode() if child.stderr else ""

    assert code == 2
    assert "the number of an attempt" in log


def test_an_outdated_attempt_does_not_begin(store: JobStore, url: str) -> None:
    """A child that comes late leaves the job as it is."""
    job_id = begin(store, "succeed")
    before = store.get(job_id)

    with process(*CHILD, job_id, "2", url=url) as child:
        code = child.wait(TIMEOUT_S)

    assert code == 3
    assert store.get(job_id) == before


def test_a_child_whose_job_was_ended_stops_at_its_next_report(store: JobStore, url: str) -> None:
    """What a left-over child writes is refused, and the refusal ends its work."""
    job_id = begin(store, "report_on")

    with process(*CHILD, job_id, "1", url=url) as child:
        wait_until(store, job_id, lambda job: job.stage == "reporting")
        ended = store.fail(job_id, 1, JobError("INTERRUPTED", "ended by the test"))
        code = child.wait(TIMEOUT_S)

    assert code == 3
    assert store.get(job_id) == ended


def test_a_child_ends_at_once_when_it_is_asked_to(store: JobStore, url: str) -> None:
    """SIGTERM is the system's own way: no Python code has to run first."""
    job_id = begin(store, "linger")

    with process(*CHILD, job_id, "1", url=url) as child:
        wait_until(store, job_id, lingers)
        child.terminate()

        assert all_ended_after_s(child) < 1
        assert child.wait(TIMEOUT_S) == -signal.SIGTERM


def test_a_closed_pipe_ends_the_child_and_what_it_started(store: JobStore, url: str) -> None:
    """The group goes down together within a second."""
    job_id = begin(store, "start_another")

    with process(*CHILD, job_id, "1", url=url) as child:
        wait_until(store, job_id, lingers)
        assert child.stdin is not None
        child.stdin.close()

        assert all_ended_after_s(child) < 1
        assert child.wait(TIMEOUT_S) == -signal.SIGKILL


def test_a_killed_parent_takes_its_children_along(store: JobStore, url: str) -> None:
    """After kill -9 of the service, its job's process ends within a second; the next life marks the job."""
    store.create(id="a", kind="test", payload="linger", caller="test")

    with process(*PARENT, url=url) as parent:
        wait_until(store, "a", lingers)
        parent.kill()

        assert all_ended_after_s(parent) < 1
    assert store.get("a").state is JobState.RUNNING
    with process(*PARENT, url=url):
        job = wait_until(store, "a", has_ended)
    assert job.error is not None
    assert job.error.reason == "INTERRUPTED"


def test_a_graceful_stop_leaves_no_orphan(store: JobStore, url: str) -> None:
    """When the service has stopped, its job's process and what that had started are gone."""
    store.create(id="a", kind="test", payload="start_another", caller="test")

    with process(*PARENT, url=url) as parent:
        wait_until(store, "a", lingers)
        assert parent.stdin is not None
        parent.stdin.close()

        assert all_ended_after_s(parent) < 5
        assert parent.wait(TIMEOUT_S) == 0
    assert store.get("a").state is JobState.FAILED


def test_what_a_dead_child_left_behind_is_ended_too(store: JobStore, url: str) -> None:
    """A process that the work had started does not outlive the job, however its child died."""
    store.create(id="a", kind="test", payload="abandon", caller="test")

    with process(*PARENT, url=url) as parent:
        died = wait_until(store, "a", has_ended)
        assert parent.stdin is not None
        parent.stdin.close()

        assert all_ended_after_s(parent) < 5
    assert died.error is not None
    assert died.error.reason == "CHILD_DIED"
