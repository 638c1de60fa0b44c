"""What led to what is put together from the job store and the registry, also where one of them lacks something."""

import json
from pathlib import Path

import pytest

from services.trainer.domain.plan import TrainingPlan
from services.trainer.domain.results import TrainingResult
from services.trainer.kinds import DATASET, TRAINING
from services.trainer.lineage import Genealogist
from shared.errors import NotFound
from shared.jobs.store import JobStore
from tests.fakes import FakeVersions
from tests.unit.trainer.versions import version

_METRICS = {"test_business_cost": 0.6, "test_dummy_business_cost": 0.8}


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    """Return a store with the data set ds-1 and three trainings of it; the third is still queued."""
    store = JobStore(f"sqlite:///{tmp_path / 'jobs.db'}")
    payload = json.dumps(TrainingPlan("ds-1", "credit-default", "lightgbm").to_json())
    result = json.dumps(TrainingResult(threshold=0.1, metrics=_METRICS, version=2, run_id="run").to_json())
    store.create(id="ds-1", kind=DATASET, payload="{}", caller="CN=analyst")
    for number in (1, 2, 3):
        store.create(id=f"tj-{number}", kind=TRAINING, payload=payload, caller="CN=analyst", label="ds-1")
    for job in ("ds-1", "tj-1", "tj-2"):
        store.succeed(job, store.start(job).attempt, result)
    return store


def _asked(store: JobStore, registry: FakeVersions) -> Genealogist:
    return Genealogist(store, lambda: registry)


def test_data_set_has_led_to_trainings_and_their_versions(store: JobStore) -> None:
    """Oldest first; one training may have several versions, or none."""
    registry = FakeVersions([version(1), version(4, training_job="tj-1"), version(2)], {"champion": 4})

    found = _asked(store, registry).of_dataset("ds-1")

    assert [(run.job_id, [each.version for each in run.versions]) for run in found.runs] == [
        ("tj-1", [1, 4]),
        ("tj-2", [2]),
        ("tj-3", []),
    ]
    assert found.runs[0].versions[1].aliases == ("champion",)
    assert (found.dataset, found.deleted) == ("ds-1", False)


def test_version_comes_from_its_own_training_alone(store: JobStore) -> None:
    """By number or alias."""
    asked = _asked(store, FakeVersions([version(1), version(2)], {"champion": 2}))

    for name in ("2", "champion"):
        found = asked.of_version("credit-default", name)
        assert [(run.job_id, run.job and run.job.caller) for run in found.runs] == [("tj-2", "CN=analyst")]
        assert found.job == store.get("ds-1")


def test_deleted_data_set_keeps_its_history(store: JobStore) -> None:
    """What was made of it, and that it is gone."""
    store.delete("ds-1")

    found = _asked(store, FakeVersions([])).of_dataset("ds-1")

    assert found.deleted
    assert [run.job_id for run in found.runs] == ["tj-1", "tj-2", "tj-3"]
    assert found.job is not None


def test_version_outlives_the_trainers_database(store: JobStore) -> None:
    """It still names its training and its data set."""
    registry = FakeVersions([version(1, dataset="ds-lost", training_job="tj-lost")])

    found = _asked(store, registry).of_version("credit-default", "1")

    assert (found.dataset, found.job, found.deleted) == ("ds-lost", None, False)
    assert [(run.job_id, run.job) for run in found.runs] == [("tj-lost", None)]


def test_training_that_the_store_forgot_is_known_by_its_versions(store: JobStore) -> None:
    """It stands after those that are known."""
    found = _asked(store, FakeVersions([version(9, training_job="tj-lost")])).of_dataset("ds-1")

    assert [run.job_id for run in found.runs] == ["tj-1", "tj-2", "tj-3", "tj-lost"]


def test_models_are_compared_also_without_their_versions(store: JobStore) -> None:
    """A version that was deleted leaves its figures; a training that has not ended has none."""
    registry = FakeVersions([version(1, {"test_business_cost": 0.4, "test_dummy_business_cost": 0.8})])

    job, runs = _asked(store, registry).compared("ds-1")

    assert job.id == "ds-1"
    assert [(run.training_job, run.version) for run in runs] == [
        ("tj-1", "models/credit-default/versions/1"),
        ("tj-2", ""),
    ]
    assert (runs[1].classifier, runs[1].threshold, runs[1].relative_costs) == ("lightgbm", 0.1, {"test": 0.6 / 0.8})


def test_what_never_was_is_not_found(store: JobStore) -> None:
    """Nor is a deleted data set compared."""
    asked = _asked(store, FakeVersions([]))
    store.delete("ds-1")

    with pytest.raises(NotFound):
        asked.of_dataset("ds-nobody")
    with pytest.raises(NotFound) as deleted:
        asked.compared("ds-1")
    assert deleted.value.reason == "DATASET_DELETED"
