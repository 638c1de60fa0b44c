"""The store of jobs: states, attempts, revisions, order and pages."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import AlreadyExists, InvalidInput, NotFound, Precondition
from shared.jobs.store import Job, JobError, JobState, JobStore
from tests.unit.jobs.conftest import SetClock

names = (f"job-{number}" for number in itertools.count())


def create(store: JobStore, *, kind: str = "dataset", label: str = "") -> Job:
    """Store a job under a name of its own."""
    return store.create(id=next(names), kind=kind, payload="{}", caller="bank", label=label)


def start(store: JobStore) -> Job:
    """Store a job and begin its first attempt."""
    return store.start(create(store).id)


def test_a_new_job_is_queued_and_knows_what_was_asked(store: JobStore, clock: SetClock) -> None:
    """All that the service stored comes back, also in another process's store; nothing is known of an attempt."""
    made = store.create(id="ds-1", kind="dataset", payload='{"seed": 1}', caller="bank", label="blue")

    assert store.get("ds-1") == made
    assert made == Job(
        id="ds-1",
        kind="dataset",
        state=JobState.QUEUED,
        payload='{"seed": 1}',
        caller="bank",
        fraction=0.0,
        stage="",
        result=None,
        error=None,
        attempt=0,
        create_time=clock.now,
        start_time=None,
        end_time=None,
        revision=1,
        label="blue",
    )


def test_jobs_outlive_the_store_object(store: JobStore, url: str) -> None:
    """A second store at the same address sees what the first wrote."""
    made = start(store)

    assert JobStore(url).get(made.id) == made


def test_an_unknown_job_is_not_found(store: JobStore) -> None:
    """The error names the job, and a job of another kind is as unknown as none."""
    made = create(store, kind="dataset")

    with pytest.raises(NotFound, match="nobody") as unknown:
        store.get("nobody")
    with pytest.raises(NotFound) as other_kind:
        store.get(made.id, kind="training")

    assert unknown.value.reason == other_kind.value.reason == "JOB_NOT_FOUND"
    assert unknown.value.metadata == {"job": "nobody"}
    assert store.get(made.id, kind="dataset") == made


def test_an_id_is_given_once(store: JobStore) -> None:
    """A second job under the same id is refused and changes nothing."""
    made = create(store)

    with pytest.raises(AlreadyExists) as error:
        store.create(id=made.id, kind="training", payload="other", caller="other")

    assert error.value.reason == "JOB_EXISTS"
    assert store.get(made.id) == made


def test_a_job_goes_from_queued_over_running_to_succeeded(store: JobStore, clock: SetClock) -> None:
    """Each step sets its time and the attempt, and the result is in place at the end."""
    made = create(store)
    clock.advance(timedelta(minutes=1))
    started = store.start(made.id)
    clock.advance(timedelta(minutes=1))
    succeeded = store.succeed(made.id, 1, "result")

    assert (started.state, started.attempt, started.end_time) == (JobState.RUNNING, 1, None)
    assert (succeeded.state, succeeded.fraction, succeeded.result) == (JobState.SUCCEEDED, 1.0, "result")
    assert started.start_time == made.create_time + timedelta(minutes=1)
    assert succeeded.end_time == made.create_time + timedelta(minutes=2)


def test_a_failed_job_says_why(store: JobStore) -> None:
    """Reason, sentence and metadata come back as they were given."""
    job = start(store)
    error = JobError("TABLE_MISSING", "add the table", {"table": "bureau"})

    failed = store.fail(job.id, job.attempt, error)

    assert (failed.state, failed.error) == (JobState.FAILED, error)


def test_every_write_raises_the_revision(store: JobStore) -> None:
    """A watcher that knows a revision misses nothing."""
    job = create(store)

    revisions = [
        job.revision,
        store.start(job.id).revision,
        store.report(job.id, 1, 0.1, "reading").revision,
        store.update_result(job.id, 1, "so far").revision,
        store.request_cancel(job.id).revision,
        store.cancelled(job.id, 1).revision,
    ]

    assert revisions == [1, 2, 3, 4, 5, 6]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fractions=st.lists(st.floats(allow_nan=True), max_size=8))
def test_the_fraction_never_decreases_and_stays_between_0_and_1(store: JobStore, fractions: list[float]) -> None:
    """Whatever the work reports, a progress bar never runs backwards, and the stage is always the latest."""
    job = start(store)

    reports = [store.report(job.id, 1, share, f"step {step}") for step, share in enumerate(fractions)]

    shown = [0.0, *(report.fraction for report in reports)]
    assert shown == sorted(shown)
    assert shown[-1] <= 1.0
    assert [report.stage for report in reports] == [f"step {step}" for step in range(len(fractions))]


@pytest.mark.parametrize("attempt", [0, 2])
def test_a_write_of_another_attempt_is_refused(store: JobStore, attempt: int) -> None:
    """A left-over child can neither report nor register anything."""
    job = start(store)
    writes: list[Callable[[], Job]] = [
        lambda: store.report(job.id, attempt, 0.9, "late"),
        lambda: store.update_result(job.id, attempt, "late"),
        lambda: store.succeed(job.id, attempt, "late"),
        lambda: store.fail(job.id, attempt, JobError("LATE", "late")),
        lambda: store.cancelled(job.id, attempt),
    ]

    for write in writes:
        with pytest.raises(Precondition) as error:
            write()
        assert error.value.reason == "STALE_ATTEMPT"
    assert store.get(job.id) == job


def test_an_ended_job_stays_as_it_ended(store: JobStore) -> None:
    """Neither its own attempt, nor a start, nor a cancellation changes it any more."""
    job = start(store)
    ended = store.succeed(job.id, 1, "result")

    with pytest.raises(Precondition, match="has ended"):
        store.fail(job.id, 1, JobError("LATE", "late"))
    with pytest.raises(Precondition, match="has ended"):
        store.start(job.id)

    assert store.request_cancel(job.id) == ended
    assert store.get(job.id) == ended


def test_a_queued_job_is_cancelled_at_once(store: JobStore, clock: SetClock) -> None:
    """No process was started, so nothing is waited for, and none can be started any more."""
    job = create(store)

    cancelled = store.request_cancel(job.id)

    assert (cancelled.state, cancelled.end_time) == (JobState.CANCELLED, clock.now)
    with pytest.raises(Precondition):
        store.start(job.id)


def test_a_running_job_is_marked_for_cancellation_once(store: JobStore) -> None:
    """The job runs until its process has ended; asking twice is asking once."""
    job = start(store)

    marked = store.request_cancel(job.id)
    again = store.request_cancel(job.id)

    assert (marked.state, marked.cancel_requested) == (JobState.RUNNING, True)
    assert again == marked
    assert store.cancelled(job.id, 1).state is JobState.CANCELLED


def test_cancelling_an_unknown_job_is_not_found(store: JobStore) -> None:
    """A wrong id is told."""
    with pytest.raises(NotFound):
        store.request_cancel("nobody")


def test_jobs_of_a_state_come_oldest_first(store: JobStore) -> None:
    """The runner takes them in the order of their creation, whatever their kind."""
    jobs = [create(store, kind=kind) for kind in ("training", "dataset", "training")]
    store.start(jobs[1].id)

    assert [job.id for job in store.in_state(JobState.QUEUED)] == [jobs[0].id, jobs[2].id]
    assert [job.id for job in store.in_state(JobState.QUEUED, limit=1)] == [jobs[0].id]
    assert [job.id for job in store.in_state(JobState.RUNNING)] == [jobs[1].id]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(0, 7), page_size=st.integers(1, 4))
def test_pages_show_every_job_once_newest_first(store: JobStore, count: int, page_size: int) -> None:
    """Whatever the page size, the pages together are the list, and only the last has no position."""
    kind = next(names)
    made = [create(store, kind=kind).id for _ in range(count)]

    shown: list[str] = []
    position = ""
    for _ in range(count + 1):
        page, position = store.list(kind=kind, page_size=page_size, before=position)
        shown.extend(job.id for job in page)
        if not position:
            break

    assert position == ""
    assert shown == made[::-1]


def test_a_list_is_filtered_by_label(store: JobStore) -> None:
    """A label takes its own jobs, no label takes all of the kind."""
    blue, _red = create(store, label="blue"), create(store, label="red")

    only_blue, _ = store.list(kind="dataset", page_size=10, label="blue")
    everything, _ = store.list(kind="dataset", page_size=10)

    assert only_blue == [blue]
    assert len(everything) == 2


@pytest.mark.parametrize("position", ["last", "-1", "9" * 40])
def test_a_position_that_was_never_given_is_refused(store: JobStore, position: str) -> None:
    """The error names the field of the request that carried it."""
    with pytest.raises(InvalidInput) as error:
        store.list(kind="dataset", page_size=10, before=position)

    assert error.value.violations[0].field == "page_token"


def test_times_are_the_clock_in_utc(url: str) -> None:
    """A clock of another zone is told apart from UTC."""
    summer = datetime.fromisoformat("2026-07-01T14:00:00+02:00")

    made = JobStore(url, clock=lambda: summer).create(id="a", kind="dataset", payload="", caller="")

    assert made.create_time == datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert made.create_time.utcoffset() == timedelta(0)
