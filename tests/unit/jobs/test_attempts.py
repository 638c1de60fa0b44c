"""A job that was interrupted runs again, as often as its kind may, and is told to nobody as ended in between."""

from collections.abc import Callable, Iterator

import pytest

from shared.errors import Precondition
from shared.jobs.runner import JobRunner
from shared.jobs.store import STALE_ATTEMPT, Job, JobState, JobStore
from tests.unit.jobs.conftest import CHILD, child_environment, has_ended, lingers, wait_until

Life = Callable[[], JobRunner]


@pytest.fixture
def told() -> list[Job]:
    """Return the list that every life's follow-up is written to."""
    return []


@pytest.fixture
def life(store: JobStore, url: str, told: list[Job]) -> Iterator[Life]:
    """Return what starts the service's runner anew; a job of kind test has three attempts."""
    lives: list[JobRunner] = []

    def begin() -> JobRunner:
        runner = JobRunner(
            store, command=CHILD, environment=child_environment(url), attempts={"test": 3}, on_end=told.append
        )
        runner.start()
        lives.append(runner)
        return runner

    yield begin
    for runner in lives:
        runner.stop()


def _left_running(store: JobStore, payload: str, *, attempts: int = 1) -> Job:
    """Return a job as a service that was killed so often leaves it."""
    job = store.create(id="left", kind="test", payload=payload, caller="test")
    for attempt in range(1, attempts + 1):
        job = store.start("left")
        store.report("left", attempt, 0.25, "working")
        job = store.update_result("left", attempt, "half")
        if attempt < attempts:
            store.requeue("left", attempt, "waiting")
    return job


def test_a_job_that_a_killed_service_left_running_runs_again(store: JobStore, life: Life, told: list[Job]) -> None:
    """With a new number, and all that the attempt before had told."""
    _left_running(store, "linger_at_first")

    runner = life()
    ended = wait_until(store, "left", has_ended)
    runner.stop()

    assert (ended.state, ended.attempt, ended.result) == (JobState.SUCCEEDED, 2, "found half at 0.25")
    assert told == [ended]


def test_a_stopped_service_leaves_its_job_to_the_next(store: JobStore, life: Life, told: list[Job]) -> None:
    """Nobody has to create it again after an update of the service."""
    store.create(id="a", kind="test", payload="linger_at_first", caller="test")
    first = life()
    wait_until(store, "a", lingers)

    first.stop()
    between = store.get("a")
    second = life()
    ended = wait_until(store, "a", has_ended)
    second.stop()

    assert (between.state, between.attempt, between.error) == (JobState.QUEUED, 1, None)
    assert "goes on" in between.stage
    assert (ended.state, ended.attempt) == (JobState.SUCCEEDED, 2)
    assert told == [ended]


def test_attempts_are_bounded(store: JobStore, life: Life, told: list[Job]) -> None:
    """A job that brings its service down each time must not do so for ever; the error says how often it was tried."""
    _left_running(store, "linger", attempts=3)

    life()

    ended = store.get("left")
    assert ended.error is not None
    assert (ended.state, ended.error.reason, ended.error.metadata) == (
        JobState.FAILED,
        "INTERRUPTED",
        {"attempts": "3"},
    )
    assert "3 attempts" in ended.error.message
    assert told == [ended]


def test_a_job_whose_cancelling_was_asked_for_does_not_run_again(store: JobStore, life: Life) -> None:
    """The service was killed between the wish and its fulfilment."""
    _left_running(store, "linger")
    store.request_cancel("left")

    life()

    assert store.get("left").state is JobState.CANCELLED


def test_a_job_can_be_cancelled_between_two_attempts(store: JobStore, told: list[Job]) -> None:
    """What its first attempt left elsewhere is then followed up, once."""
    _left_running(store, "linger_at_first")
    store.requeue("left", 1, "waiting")
    runner = JobRunner(store, command=CHILD, environment={}, on_end=told.append)

    cancelled = runner.cancel("left")
    again = runner.cancel("left")

    assert (cancelled.state, again) == (JobState.CANCELLED, cancelled)
    assert told == [cancelled]


def test_a_job_that_never_ran_leaves_nothing_to_follow_up(store: JobStore, told: list[Job]) -> None:
    """It is cancelled in the queue and that is all."""
    store.create(id="a", kind="test", payload="linger", caller="test")
    runner = JobRunner(store, command=CHILD, environment={}, on_end=told.append)

    cancelled = runner.cancel("a")

    assert cancelled.state is JobState.CANCELLED
    assert told == []


def test_what_is_run_again_stands_before_younger_jobs(store: JobStore) -> None:
    """It has waited longest."""
    _left_running(store, "succeed")
    store.create(id="younger", kind="test", payload="succeed", caller="test")

    store.requeue("left", 1, "waiting")

    assert [job.id for job in store.in_state(JobState.QUEUED)] == ["left", "younger"]


def test_the_process_of_an_earlier_attempt_can_write_nothing(store: JobStore) -> None:
    """Neither while the job waits nor while its next attempt runs."""
    _left_running(store, "succeed")
    store.requeue("left", 1, "waiting")

    for _ in range(2):
        with pytest.raises(Precondition) as refusal:
            store.succeed("left", 1, "late")
        assert refusal.value.reason == STALE_ATTEMPT
        if store.get("left").state is JobState.QUEUED:
            store.start("left")

    assert store.get("left").result == "half"
