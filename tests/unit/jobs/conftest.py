"""A store on a fresh file with a clock that stands still, and a runner of real child processes on it."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.jobs.runner import JobRunner
from shared.jobs.store import Job, JobStore

CHILD = (sys.executable, "-m", "tests.unit.jobs.child_program")
TIMEOUT_S = 60.0


@dataclass
class SetClock:
    """A clock that shows what it was set to."""

    now: datetime = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the time shown."""
        return self.now

    def advance(self, step: timedelta) -> None:
        """Set it forward."""
        self.now += step


def wait_until(store: JobStore, job_id: str, holds: Callable[[Job], bool]) -> Job:
    """Return the job as soon as the condition holds; AssertionError when news of it stay away."""
    job = store.get(job_id)
    while not holds(job):
        news = store.wait(job_id, after_revision=job.revision, timeout_s=TIMEOUT_S)
        assert news.revision > job.revision, f"nothing happened to {job}"
        job = news
    return job


def has_ended(job: Job) -> bool:
    """Tell whether the job has ended."""
    return job.state.ended


def lingers(job: Job) -> bool:
    """Tell whether the job's process says that it works and will do so for long."""
    return job.stage == "lingering"


def child_environment(url: str) -> Mapping[str, str]:
    """Return the environment in which a child program finds the store."""
    return {**os.environ, "JOBS_URL": url}


@pytest.fixture
def clock() -> SetClock:
    """Return a clock that the test sets."""
    return SetClock()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the address of a store that does not exist yet, in a folder that does not either."""
    return f"sqlite:///{tmp_path / 'state' / 'jobs.db'}"


@pytest.fixture
def store(url: str, clock: SetClock) -> JobStore:
    """Return an empty store."""
    return JobStore(url, clock=clock)


@dataclass
class Workshop:
    """A runner at work on a store; `ended` are the jobs that it told of."""

    store: JobStore
    runner: JobRunner
    ended: list[Job] = field(default_factory=list)

    def begin(self, payload: str, *, job_id: str = "") -> str:
        """Create a job that does what the payload names, and return its id."""
        created = self.store.create(id=job_id or payload, kind="test", payload=payload, caller="test")
        self.runner.wake()
        return created.id

    def run(self, payload: str) -> Job:
        """Create a job and return it once it has ended."""
        return wait_until(self.store, self.begin(payload), has_ended)


@pytest.fixture
def workshop(store: JobStore, url: str) -> Iterator[Workshop]:
    """Give a started runner; whatever still runs is ended with the test."""
    ended: list[Job] = []
    runner = JobRunner(store, command=CHILD, environment=child_environment(url), on_end=ended.append)
    runner.start()
    yield Workshop(store, runner, ended)
    runner.stop()
