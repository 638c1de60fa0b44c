"""What a job made can be deleted; the job stays, since others refer to it."""

import pytest

from shared.errors import AlreadyExists, NotFound, Precondition
from shared.jobs.store import Job, JobStore


@pytest.fixture
def ended(store: JobStore) -> Job:
    """Return a data set's job that has succeeded; the request_id "r1" made it."""
    store.create(id="ds-1", kind="dataset", payload="{}", caller="bank", request_id="r1")
    return store.succeed("ds-1", store.start("ds-1").attempt, "{}")


def test_deleted_job_is_found_only_by_those_who_ask_for_it(store: JobStore, ended: Job) -> None:
    """With a reason of its own, which tells it from one that never was."""
    store.delete(ended.id)

    with pytest.raises(NotFound) as gone:
        store.get(ended.id, kind="dataset")
    assert gone.value.reason == "DATASET_DELETED"
    assert store.get(ended.id, with_deleted=True) == ended


def test_deleted_job_is_in_no_list(store: JobStore, ended: Job) -> None:
    """Pages go on over it."""
    for number in (2, 3):
        store.create(id=f"ds-{number}", kind="dataset", payload="{}", caller="bank")
    store.delete(ended.id)

    first, position = store.list(kind="dataset", page_size=1)
    rest, end = store.list(kind="dataset", page_size=5, before=position)

    assert [job.id for job in (*first, *rest)] == ["ds-3", "ds-2"]
    assert end == ""


def test_job_of_another_kind_is_unknown_rather_than_deleted(store: JobStore, ended: Job) -> None:
    """The kind is asked first."""
    store.delete(ended.id)

    with pytest.raises(NotFound) as unknown:
        store.get(ended.id, kind="training")

    assert unknown.value.reason == "JOB_NOT_FOUND"


def test_deletion_outlives_the_store_object_and_may_be_repeated(store: JobStore, ended: Job, url: str) -> None:
    """It is in the database."""
    for _ in range(2):
        store.delete(ended.id)

    with pytest.raises(NotFound):
        JobStore(url).get(ended.id)


def test_job_that_can_still_make_something_is_not_deleted(store: JobStore) -> None:
    """Its result would come after the deletion."""
    store.create(id="ds-2", kind="dataset", payload="{}", caller="bank")

    with pytest.raises(Precondition) as refusal:
        store.delete("ds-2")

    assert refusal.value.reason == "JOB_NOT_ENDED"
    assert store.get("ds-2").id == "ds-2"


def test_request_that_made_what_is_deleted_now_makes_nothing(store: JobStore, ended: Job) -> None:
    """It would return what nobody can get."""
    store.delete(ended.id)

    with pytest.raises(AlreadyExists, match="deleted") as refusal:
        store.create(id="ds-2", kind="dataset", payload="{}", caller="bank", request_id="r1")

    assert refusal.value.reason == "REQUEST_ID_REUSED"


def test_jobs_of_a_label_are_all_found_in_their_order(store: JobStore) -> None:
    """Of every kind and state."""
    for number, label in enumerate(("ds-1", "ds-2", "ds-1")):
        store.create(id=f"tj-{number}", kind="training", payload="{}", caller="bank", label=label)

    assert [job.id for job in store.of_label("ds-1")] == ["tj-0", "tj-2"]
    assert store.of_label("ds-3") == ()
