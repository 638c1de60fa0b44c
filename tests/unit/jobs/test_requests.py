"""request_id: what is sent twice is made once, for 24 hours, per caller and kind."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared.errors import AlreadyExists, InvalidInput
from shared.jobs.store import Job, JobState, JobStore
from tests.unit.jobs.conftest import SetClock


def ask(store: JobStore, job_id: str, *, payload: str = "A", caller: str = "bank", kind: str = "dataset") -> Job:
    """Create a job under the request_id "r1"."""
    return store.create(id=job_id, kind=kind, payload=payload, caller=caller, request_id="r1")


def test_the_same_request_returns_the_first_job_as_it_is_now(store: JobStore) -> None:
    """No second job is made, and the first one's progress is seen."""
    first = ask(store, "first")
    store.start(first.id)

    again = ask(store, "second")

    assert (again.id, again.state) == (first.id, JobState.RUNNING)
    assert len(store.list(kind="dataset", page_size=10)[0]) == 1


def test_the_same_request_may_carry_the_same_id(store: JobStore) -> None:
    """A service that derives ids from content asks for the very same job again."""
    first = ask(store, "ds-1")

    assert ask(store, "ds-1") == first


def test_other_content_under_the_same_request_id_is_refused(store: JobStore) -> None:
    """The error names the job that has the request_id, and nothing is stored."""
    ask(store, "first", payload="A")

    with pytest.raises(AlreadyExists) as error:
        ask(store, "second", payload="B")

    assert error.value.reason == "REQUEST_ID_REUSED"
    assert error.value.metadata == {"job": "first"}
    assert [job.id for job in store.list(kind="dataset", page_size=10)[0]] == ["first"]


def test_callers_and_kinds_do_not_share_request_ids(store: JobStore) -> None:
    """What another caller sent, or the same one for another kind, is another request."""
    ask(store, "first")

    assert ask(store, "second", caller="other bank").id == "second"
    assert ask(store, "third", kind="training").id == "third"


def test_no_request_id_means_a_new_job_each_time(store: JobStore) -> None:
    """An empty request_id is no key."""
    made = [store.create(id=name, kind="dataset", payload="A", caller="bank").id for name in ("a", "b")]

    assert made == ["a", "b"]


def test_a_request_id_is_kept_for_24_hours(store: JobStore, clock: SetClock) -> None:
    """A moment before they are over it still holds; then it is free, also for other content."""
    ask(store, "first", payload="A")

    clock.advance(timedelta(hours=24) - timedelta(microseconds=1))
    before = ask(store, "second", payload="A")
    clock.advance(timedelta(microseconds=1))
    after = ask(store, "third", payload="B")

    assert (before.id, after.id) == ("first", "third")


def test_the_first_job_can_be_found_before_anything_is_made(store: JobStore, clock: SetClock) -> None:
    """As a create would return it, refuse it, or make one."""
    asked = {"kind": "dataset", "caller": "bank", "request_id": "r1"}
    before = store.find_made(payload="A", **asked)
    ask(store, "first", payload="A")
    found = store.find_made(payload="A", **asked)
    with pytest.raises(AlreadyExists) as error:
        store.find_made(payload="B", **asked)
    clock.advance(timedelta(hours=24))

    assert before is None
    assert found is not None
    assert found.id == "first"
    assert error.value.reason == "REQUEST_ID_REUSED"
    assert store.find_made(payload="A", **asked) is None


def test_a_long_request_id_is_refused(store: JobStore) -> None:
    """128 characters are taken, 129 are an invalid field."""
    taken = store.create(id="a", kind="dataset", payload="", caller="", request_id="x" * 128)

    with pytest.raises(InvalidInput) as error:
        store.create(id="b", kind="dataset", payload="", caller="", request_id="x" * 129)

    assert taken.id == "a"
    assert error.value.violations[0].field == "request_id"


def test_a_refused_job_does_not_use_up_its_request_id(store: JobStore) -> None:
    """The request_id of a create that failed is free for the next try."""
    store.create(id="taken", kind="dataset", payload="A", caller="bank")
    with pytest.raises(AlreadyExists):
        ask(store, "taken")

    assert ask(store, "free").id == "free"


def test_the_same_request_from_many_threads_makes_one_job(store: JobStore) -> None:
    """A client that repeats itself while the first try still runs gets the same job every time."""
    together = threading.Barrier(8)

    def repeat(number: int) -> str:
        together.wait()
        return ask(store, f"job-{number}").id

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(repeat, range(8)))

    assert len(made) == 1
    assert [job.id for job in store.list(kind="dataset", page_size=10)[0]] == list(made)
