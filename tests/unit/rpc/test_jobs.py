"""A job on the wire: what is absent stays absent; news are bounded in number."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from counterfoil.types.v1 import job_pb2
from shared.jobs.store import Job, JobError, JobState, JobStore
from shared.rpc.jobs import job_to_proto, watch

QUEUED = Job(
    id="a",
    kind="dataset",
    state=JobState.QUEUED,
    payload="",
    caller="bank",
    fraction=0.0,
    stage="",
    result=None,
    error=None,
    attempt=0,
    create_time=datetime(2026, 11, 24, 12, 0, 0, 250_000, tzinfo=UTC),
    start_time=None,
    end_time=None,
    revision=1,
)


def test_a_queued_job_has_neither_start_nor_end_nor_error() -> None:
    """Absent is not zero: a client can tell."""
    message = job_to_proto(QUEUED)

    assert message.state == job_pb2.JOB_STATE_QUEUED
    assert message.create_time.ToDatetime(UTC) == QUEUED.create_time
    assert [message.HasField(name) for name in ("start_time", "end_time", "error")] == [False, False, False]
    assert (message.caller, message.attempt) == ("bank", 0)


def test_a_failed_job_carries_its_times_progress_and_error() -> None:
    """Everything that the store knows and the contract has goes over."""
    failed = replace(
        QUEUED,
        state=JobState.FAILED,
        attempt=1,
        fraction=0.25,
        stage="reading tables",
        start_time=datetime(2026, 11, 24, 12, 1, tzinfo=UTC),
        end_time=datetime(2026, 11, 24, 12, 2, tzinfo=UTC),
        error=JobError("TABLE_MISSING", "add it", {"table": "bureau"}),
    )

    message = job_to_proto(failed)

    assert message.state == job_pb2.JOB_STATE_FAILED
    assert (message.progress.fraction, message.progress.stage) == (0.25, "reading tables")
    assert message.start_time.ToDatetime(UTC) == failed.start_time
    assert message.end_time.ToDatetime(UTC) == failed.end_time
    assert message.error == job_pb2.JobError(reason="TABLE_MISSING", message="add it", metadata={"table": "bureau"})


@pytest.mark.parametrize("state", JobState)
def test_every_state_has_its_enum_value(state: JobState) -> None:
    """The names on the wire are the store's, with the enum's prefix."""
    message = job_to_proto(replace(QUEUED, state=state))

    assert job_pb2.JobState.Name(message.state) == f"JOB_STATE_{state.value}"


def test_an_ended_job_is_its_own_and_only_news(tmp_path: Path) -> None:
    """A client that comes late gets the end at once."""
    store = JobStore(f"sqlite:///{tmp_path / 'jobs.db'}")
    store.create(id="a", kind="dataset", payload="", caller="")
    cancelled = store.request_cancel("a")

    assert list(watch(store, "a", lambda: True)) == [cancelled]


def test_many_reports_become_few_news(tmp_path: Path) -> None:
    """However often the work reports, a watcher gets at most five news a second, and each is the latest."""
    store = JobStore(f"sqlite:///{tmp_path / 'jobs.db'}")
    store.create(id="a", kind="dataset", payload="", caller="")
    store.start("a")
    news = watch(store, "a", lambda: True)
    next(news)
    began = time.monotonic()

    for step in range(50):
        store.report("a", 1, step / 50, f"step {step}")
    latest = next(news)
    took_s = time.monotonic() - began

    assert latest.stage == "step 49"
    assert took_s >= 0.2


def test_nobody_listening_ends_the_news(tmp_path: Path) -> None:
    """A queued job whose watcher has gone is not watched on."""
    store = JobStore(f"sqlite:///{tmp_path / 'jobs.db'}")
    queued = store.create(id="a", kind="dataset", payload="", caller="")

    assert list(watch(store, "a", lambda: False)) == [queued]
