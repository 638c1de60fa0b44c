"""A store that several threads and processes have open: waiting, racing, and a database that is not there."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.errors import Unavailable
from shared.jobs.store import Job, JobStore


def create(store: JobStore) -> Job:
    """Store the job "a"."""
    return store.create(id="a", kind="dataset", payload="{}", caller="bank")


def start(store: JobStore) -> Job:
    """Store the job "a" and begin its first attempt."""
    return store.start(create(store).id)


def test_waiting_ends_with_the_write_of_another_store(store: JobStore, url: str) -> None:
    """The news of a child process arrive long before the timeout."""
    job = start(store)
    other = JobStore(url)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(store.wait, job.id, after_revision=job.revision, timeout_s=30)
        written = other.report(job.id, 1, 0.5, "half way")

        assert waiting.result(timeout=10) == written


def test_waiting_for_nothing_ends_with_the_timeout(store: JobStore) -> None:
    """The job comes back as it is; what is already newer comes back at once."""
    job = create(store)

    assert store.wait(job.id, after_revision=job.revision, timeout_s=0.05) == job
    assert store.wait(job.id, after_revision=job.revision - 1, timeout_s=1000) == job


def test_several_may_make_the_same_store_at_once(url: str) -> None:
    """A service and its children open a fresh database together: one schema, no failure."""
    together = threading.Barrier(8)

    def open_and_create(number: int) -> str:
        together.wait()
        return JobStore(url).create(id=f"job-{number}", kind="dataset", payload="", caller="").id

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(open_and_create, range(8)))

    jobs, _ = JobStore(url).list(kind="dataset", page_size=10)
    assert {job.id for job in jobs} == made


def test_writers_at_the_same_time_lose_nothing(store: JobStore) -> None:
    """Each of many concurrent reports counts in the revision."""
    job = start(store)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda step: store.report(job.id, 1, step / 40, "counting"), range(40)))

    last = store.get(job.id)
    assert last.revision == job.revision + 40
    assert last.fraction == 39 / 40


def test_a_store_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    """The error has a reason and names no path of the server's."""
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(Unavailable) as error:
        JobStore(f"sqlite:///{tmp_path / 'file' / 'jobs.db'}")

    assert error.value.reason == "JOB_STORE_UNAVAILABLE"
    assert str(tmp_path) not in error.value.message
