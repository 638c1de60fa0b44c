"""What is registered is looked after: four eyes, and nothing is deleted that something rests on."""

import json
import threading
from datetime import datetime
from pathlib import Path

import pytest

from services.trainer.domain.cleaning import CleaningOptions, ColumnFate, Imputation, Rule
from services.trainer.domain.dataset import DatasetPlan
from services.trainer.domain.governance import AliasWish
from services.trainer.domain.plan import TrainingPlan
from services.trainer.domain.results import SPLITS, DatasetResult, SplitSummary
from services.trainer.domain.sources import HomeCreditTables
from services.trainer.kinds import DATASET, TRAINING
from services.trainer.stewardship import Stewardship
from shared.errors import InvalidInput, NotFound, Precondition
from shared.jobs.store import JobStore
from tests.fakes import FakeVersions
from tests.unit.trainer.versions import NOON, version


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    """Return a store with the data set ds-1, ended, and a training of it that ended, both of CN=analyst."""
    store = JobStore(f"sqlite:///{tmp_path / 'jobs.db'}")
    store.create(id="ds-1", kind=DATASET, payload="{}", caller="CN=analyst")
    store.create(id="tj-1", kind=TRAINING, payload=_plan(), caller="CN=analyst", label="ds-1")
    for job in ("ds-1", "tj-1"):
        store.succeed(job, store.start(job).attempt, "{}")
    return store


def _plan(on_behalf_of: str = "") -> str:
    return json.dumps(TrainingPlan("ds-1", "credit-default", "lightgbm", on_behalf_of=on_behalf_of).to_json())


def _steward(store: JobStore, registry: FakeVersions) -> Stewardship:
    return Stewardship(store, lambda: registry, _noon, threading.Lock())


def _noon() -> datetime:
    return NOON


def _wish(approver: str) -> AliasWish:
    return AliasWish("credit-default", 1, "champion", "", "", approver)


def _made(store: JobStore, dataset: str, columns: dict[str, bool]) -> None:
    """Let there be a data set of these columns, by whether cleaning kept them."""
    plan = DatasetPlan(HomeCreditTables("tables"), 0.2, 0, CleaningOptions(Imputation.NONE))
    fates = tuple(ColumnFate(name, 0.0, None if kept else Rule.VARIANCE) for name, kept in columns.items())
    splits = {split: SplitSummary(10, None, "0" * 64) for split in SPLITS}
    result = DatasetResult(splits, (), fates, 0, "d" * 64, "7", "run", {})
    store.create(id=dataset, kind=DATASET, payload=json.dumps(plan.to_json()), caller="CN=analyst")
    store.succeed(dataset, store.start(dataset).attempt, json.dumps(result.to_json()))


def test_applicants_of_a_data_set_with_all_features_of_the_champion_stand_in(store: JobStore) -> None:
    """A column that the champion's cleaning dropped may be gone; one that the model reads may not."""
    registry = FakeVersions([version(1, dataset="ds-old")], {"champion": 1})
    steward = _steward(store, registry)
    _made(store, "ds-old", {"AMT_CREDIT": True, "FLAG_MOBIL": False})
    _made(store, "ds-new", {"AMT_CREDIT": False, "MORE": True})
    _made(store, "ds-less", {"FLAG_MOBIL": True})

    told = steward.refresh_applicants("credit-default", "ds-new", reason="tables of today")
    with pytest.raises(Precondition) as refusal:
        steward.refresh_applicants("credit-default", "ds-less", reason="")

    assert registry.stand_ins() == {"credit-default": told}
    assert (told.instead_of, told.dataset.id, told.dataset.run_id) == ("ds-old", "ds-new", "run")
    assert (refusal.value.reason, refusal.value.metadata["feature"]) == ("DATASET_UNFIT", "AMT_CREDIT")


@pytest.mark.parametrize("approver", ["CN=analyst", "CN=tuner"])
def test_neither_who_trained_nor_who_registered_can_approve(store: JobStore, approver: str) -> None:
    """A new threshold on another's model makes two authors."""
    steward = _steward(store, FakeVersions([version(1, creator="CN=tuner")]))

    with pytest.raises(Precondition) as refusal:
        steward.promote(_wish(approver))

    assert refusal.value.reason == "SAME_APPROVER"


def test_neither_a_service_that_trains_for_somebody_nor_that_person_can_approve(store: JobStore) -> None:
    """What the service says of them grants nothing: it only bars."""
    plan = _plan("CN=officer")
    store.create(id="tj-2", kind=TRAINING, payload=plan, caller="CN=monitor", label="ds-1")
    steward = _steward(store, FakeVersions([version(1, training_job="tj-2")]))

    for approver in ("CN=monitor", "CN=officer"):
        with pytest.raises(Precondition) as refusal:
            steward.promote(_wish(approver))
        assert refusal.value.reason == "SAME_APPROVER"

    assert steward.promote(_wish("CN=analyst")).aliases == ("champion",)


def test_who_trained_is_known_without_the_job(store: JobStore) -> None:
    """The version says it too, should the trainer's database be lost."""
    steward = _steward(store, FakeVersions([version(1, training_job="tj-lost", creator="CN=tuner")]))

    with pytest.raises(Precondition) as refusal:
        steward.promote(_wish("CN=tuner"))

    assert refusal.value.reason == "SAME_APPROVER"
    assert steward.promote(_wish("CN=analyst")).aliases == ("champion",)


def test_nobody_is_known_without_tls_so_anybody_can_approve(store: JobStore) -> None:
    """Two unverified callers may be two people or one."""
    store.create(id="tj-2", kind=TRAINING, payload=_plan(), caller="unverified", label="ds-1")
    steward = _steward(store, FakeVersions([version(1, training_job="tj-2", creator="unverified")]))

    promoted = steward.promote(_wish("unverified"))

    assert promoted.alias_moves[0].approver == "unverified"


def test_version_is_deleted_on_the_knowledge_that_it_never_served(store: JobStore) -> None:
    """An etag from before another move is refused first."""
    registry = FakeVersions([version(1), version(2)])
    steward = _steward(store, registry)
    steward.promote(AliasWish("credit-default", 2, "champion", "", "", "CN=officer"))

    with pytest.raises(Precondition) as stale:
        steward.delete_version("credit-default", 1, etag="tag", reason="")
    with pytest.raises(Precondition) as served:
        steward.delete_version("credit-default", 2, etag="", reason="")
    steward.delete_version("credit-default", 1, etag=registry.get("", "1").etag, reason="too dear")

    assert (stale.value.reason, served.value.reason) == ("ETAG_MISMATCH", "VERSION_HAS_ALIAS")
    assert registry.deleted == [1]


def test_demoted_version_is_still_kept(store: JobStore) -> None:
    """It has made decisions."""
    registry = FakeVersions([version(1)])
    steward = _steward(store, registry)
    steward.promote(_wish("CN=officer"))
    steward.demote(_wish("CN=officer"))

    with pytest.raises(Precondition) as refusal:
        steward.delete_version("credit-default", 1, etag="", reason="")

    assert refusal.value.reason == "VERSION_WAS_PROMOTED"
    assert registry.deleted == []


def test_deleted_data_set_is_gone_and_its_trainings_stay(store: JobStore) -> None:
    """Again, it finishes what an earlier try may have left."""
    registry = FakeVersions([])
    steward = _steward(store, registry)

    for _ in range(2):
        steward.delete_dataset("ds-1", reason="retention")

    with pytest.raises(NotFound) as gone:
        store.get("ds-1", kind=DATASET)
    assert gone.value.reason == "DATASET_DELETED"
    assert store.get("tj-1").label == "ds-1"
    assert registry.deleted == ["ds-1", "ds-1"]


def test_data_set_that_stands_in_is_kept_until_another_does(store: JobStore) -> None:
    """Scorers take applicants from it; the champion's own ends that."""
    registry = FakeVersions([version(1, dataset="ds-old")], {"champion": 1})
    steward = _steward(store, registry)
    for each in ("ds-old", "ds-new"):
        _made(store, each, {"AMT_CREDIT": True})
    steward.refresh_applicants("credit-default", "ds-new", reason="")

    with pytest.raises(Precondition) as refusal:
        steward.delete_dataset("ds-new", reason="")
    steward.refresh_applicants("credit-default", "ds-old", reason="")
    steward.delete_dataset("ds-new", reason="")

    assert (refusal.value.reason, refusal.value.metadata["model"]) == ("DATASET_STANDS_IN", "credit-default")
    assert registry.deleted == ["ds-new"]


def test_data_set_of_a_version_is_kept(store: JobStore) -> None:
    """Nothing is marked."""
    registry = FakeVersions([version(1)])

    with pytest.raises(Precondition) as refusal:
        _steward(store, registry).delete_dataset("ds-1", reason="")

    assert refusal.value.reason == "DATASET_HAS_VERSIONS"
    assert store.get("ds-1").id == "ds-1"
    assert registry.deleted == []


@pytest.mark.parametrize(("job", "kind", "label"), [("ds-2", DATASET, ""), ("tj-2", TRAINING, "ds-1")])
def test_data_set_in_use_is_kept(store: JobStore, job: str, kind: str, label: str) -> None:
    """While it is being made, and while something trains on it or is about to."""
    store.create(id=job, kind=kind, payload="{}", caller="c", label=label)

    with pytest.raises(Precondition, match=job) as refusal:
        _steward(store, FakeVersions([])).delete_dataset(label or job, reason="")

    assert refusal.value.reason == "DATASET_IN_USE"


def test_what_never_was_is_not_found_and_a_long_reason_refused(store: JobStore) -> None:
    """Before anything is looked up."""
    steward = _steward(store, FakeVersions([]))

    with pytest.raises(NotFound):
        steward.delete_dataset("ds-nobody", reason="")
    with pytest.raises(NotFound):
        steward.delete_dataset("tj-1", reason="")
    with pytest.raises(InvalidInput):
        steward.delete_dataset("ds-1", reason="x" * 501)
    with pytest.raises(InvalidInput):
        steward.delete_version("credit-default", 1, etag="", reason="x" * 501)
