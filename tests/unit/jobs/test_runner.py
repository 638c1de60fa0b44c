"""The runner, with real child processes: what becomes of jobs that end well, badly, or are ended."""

import logging
import queue
import time
from pathlib import Path

import pytest

from shared.jobs.process import GRACE_S
from shared.jobs.runner import JobRunner
from shared.jobs.store import Job, JobState, JobStore
from tests.unit.jobs.conftest import CHILD, TIMEOUT_S, Workshop, child_environment, has_ended, lingers, wait_until


def test_jobs_succeed_one_after_the_other_in_order(workshop: Workshop) -> None:
    """Each result is in place, its progress was stored, and the service is told of each end."""
    names = ["first", "second"]
    for name in names:
        workshop.begin("succeed", job_id=name)

    ended = [wait_until(workshop.store, name, has_ended) for name in names]
    workshop.runner.stop()

    assert [(job.state, job.result, job.attempt) for job in ended] == [(JobState.SUCCEEDED, "made", 1)] * 2
    assert [(job.stage, job.fraction) for job in ended] == [("half way", 1.0)] * 2
    assert workshop.ended == ended


def test_a_domain_error_becomes_the_jobs_error(workshop: Workshop) -> None:
    """Its reason, sentence and metadata reach the caller."""
    job = workshop.run("refuse")

    assert job.state is JobState.FAILED
    assert job.error is not None
    assert (job.error.reason, job.error.message) == ("TABLE_MISSING", "the table is missing; add it")
    assert job.error.metadata == {"table": "bureau"}


def test_a_child_that_dies_fails_its_job_and_not_the_next(workshop: Workshop) -> None:
    """The exit code is kept for machines, and the runner goes on."""
    died = workshop.run("die")
    after = workshop.run("succeed")

    assert died.error is not None
    assert (died.state, died.error.reason, died.error.metadata) == (JobState.FAILED, "CHILD_DIED", {"exit_code": "7"})
    assert after.state is JobState.SUCCEEDED


def test_a_result_that_is_deleted_before_its_process_ended_stops_nothing(workshop: Workshop) -> None:
    """The runner settles the child as any other, and the next job begins."""
    workshop.begin("be_deleted")
    after = workshop.run("succeed")
    workshop.runner.stop()

    assert after.state is JobState.SUCCEEDED
    assert [(job.id, job.state) for job in workshop.ended][:1] == [("be_deleted", JobState.SUCCEEDED)]


def test_a_cancelled_job_ends_its_process_quickly(workshop: Workshop) -> None:
    """The process hears SIGTERM at once, its temporary folder goes with it, and the end is CANCELLED."""
    job_id = workshop.begin("linger")
    running = wait_until(workshop.store, job_id, lingers)
    folder = Path((running.result or "").split()[1])
    existed = folder.exists()

    asked = time.monotonic()
    workshop.store.request_cancel(job_id)
    workshop.runner.wake()
    ended = wait_until(workshop.store, job_id, has_ended)
    took_s = time.monotonic() - asked
    workshop.runner.stop()

    assert (ended.state, ended.error) == (JobState.CANCELLED, None)
    assert took_s < GRACE_S / 2
    assert existed
    assert not folder.exists()


def test_a_process_that_ignores_the_request_to_end_is_killed(workshop: Workshop) -> None:
    """After the grace of 5 s a cancelled job is over, whatever its code does."""
    job_id = workshop.begin("ignore_terminate")
    wait_until(workshop.store, job_id, lingers)

    asked = time.monotonic()
    workshop.store.request_cancel(job_id)
    ended = wait_until(workshop.store, job_id, has_ended)

    assert ended.state is JobState.CANCELLED
    assert time.monotonic() - asked >= GRACE_S


def test_a_job_cancelled_in_the_queue_never_runs(workshop: Workshop) -> None:
    """It waits behind another, is cancelled at once, and the queue goes on after it."""
    running = workshop.begin("linger")
    wait_until(workshop.store, running, lingers)
    waiting, last = workshop.begin("crash"), workshop.begin("succeed")

    cancelled = workshop.store.request_cancel(waiting)
    workshop.store.request_cancel(running)
    workshop.runner.wake()
    after = wait_until(workshop.store, last, has_ended)

    assert (cancelled.state, cancelled.attempt) == (JobState.CANCELLED, 0)
    assert workshop.store.get(waiting) == cancelled
    assert after.state is JobState.SUCCEEDED


def test_stopping_interrupts_what_runs_and_leaves_the_queue(workshop: Workshop) -> None:
    """The next life of the service finds the queued job as it was."""
    running = workshop.begin("linger")
    wait_until(workshop.store, running, lingers)
    waiting = workshop.begin("succeed")

    workshop.runner.stop()

    interrupted = workshop.store.get(running)
    assert interrupted.error is not None
    assert (interrupted.state, interrupted.error.reason) == (JobState.FAILED, "INTERRUPTED")
    assert workshop.store.get(waiting).state is JobState.QUEUED
    assert workshop.ended == [interrupted]


def test_starting_marks_what_an_earlier_life_left_running(store: JobStore, url: str) -> None:
    """Such a job is FAILED as INTERRUPTED before start() returns; a queued one is run."""
    for name in ("left over", "queued"):
        store.create(id=name, kind="test", payload="succeed", caller="test")
    store.start("left over")
    told: list[Job] = []
    runner = JobRunner(store, command=CHILD, environment=child_environment(url), on_end=told.append)

    runner.start()
    left_over = store.get("left over")
    queued = wait_until(store, "queued", has_ended)
    runner.stop()

    assert left_over.error is not None
    assert (left_over.state, left_over.error.reason) == (JobState.FAILED, "INTERRUPTED")
    assert queued.state is JobState.SUCCEEDED
    assert told == [left_over, queued]


class OutlivedStore(JobStore):
    """A store in which a child of an earlier life ends its job just after somebody looked."""

    def in_state(self, state: JobState, *, limit: int | None = None) -> tuple[Job, ...]:
        """Return the jobs as they were before that."""
        jobs = super().in_state(state, limit=limit)
        for job in jobs:
            if job.state is JobState.RUNNING:
                self.succeed(job.id, job.attempt, "done after all")
        return jobs


def test_a_child_that_ends_its_job_while_the_runner_starts_keeps_what_it_did(url: str) -> None:
    """The runner starts all the same."""
    store = OutlivedStore(url)
    store.start(store.create(id="late", kind="test", payload="succeed", caller="test").id)
    runner = JobRunner(store, command=CHILD, environment=child_environment(url))

    runner.start()
    runner.stop()

    assert store.get("late").result == "done after all"


def test_as_many_jobs_run_at_a_time_as_allowed(store: JobStore, url: str) -> None:
    """Two run beside each other where two may."""
    runner = JobRunner(store, command=CHILD, environment=child_environment(url), max_running=2)
    for name in ("a", "b", "c"):
        store.create(id=name, kind="test", payload="linger", caller="test")

    runner.start()
    for name in ("a", "b"):
        wait_until(store, name, lingers)
    states = [store.get(name).state for name in ("a", "b", "c")]
    runner.stop()

    assert states == [JobState.RUNNING, JobState.RUNNING, JobState.QUEUED]


def test_a_command_that_does_not_exist_fails_the_job(store: JobStore, tmp_path: Path) -> None:
    """The error says so without the command's path."""
    runner = JobRunner(store, command=[str(tmp_path / "nothing")], environment={})
    store.create(id="a", kind="test", payload="", caller="test")

    runner.start()
    ended = wait_until(store, "a", has_ended)
    runner.stop()

    assert ended.error is not None
    assert ended.error.reason == "CHILD_NOT_STARTED"
    assert str(tmp_path) not in ended.error.message


def test_a_failing_follow_up_does_not_end_the_runner(
    store: JobStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What the service does at a job's end may fail; the next job is still taken, and the log says what was wrong."""

    def follow_up(_job: Job) -> None:
        raise ValueError("cannot follow up")

    runner = JobRunner(store, command=[str(tmp_path / "nothing")], environment={}, on_end=follow_up)
    for name in ("a", "b"):
        store.create(id=name, kind="test", payload="", caller="test")

    runner.start()
    ended = wait_until(store, "b", has_ended)
    runner.stop()

    assert ended.state is JobState.FAILED
    assert "cannot follow up" in caplog.text


class RecordQueue(logging.Handler):
    """Hands over each record that was logged."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: queue.Queue[logging.LogRecord] = queue.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        """Put the record into the queue."""
        self.records.put(record)


def test_a_store_that_is_away_for_a_while_does_not_end_the_runner(workshop: Workshop, tmp_path: Path) -> None:
    """The runner logs that it cannot attend to jobs, tries again, and runs the next one."""
    database, aside = tmp_path / "state" / "jobs.db", tmp_path / "aside.db"
    handler = RecordQueue()
    logging.getLogger("counterfoil.jobs").addHandler(handler)
    database.rename(aside)
    workshop.runner.wake()

    failure = handler.records.get(timeout=TIMEOUT_S)
    aside.replace(database)
    job = workshop.run("succeed")
    logging.getLogger("counterfoil.jobs").removeHandler(handler)

    assert "trying again" in failure.getMessage()
    assert job.state is JobState.SUCCEEDED


def test_stopping_a_runner_that_never_started_does_nothing(store: JobStore) -> None:
    """A service that fails at start may stop what it has built so far."""
    runner = JobRunner(store, command=CHILD, environment={})

    runner.stop()

    assert store.in_state(JobState.RUNNING) == ()
