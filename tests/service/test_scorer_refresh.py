"""Stored features of known clients are refreshed from another data set while the scorer answers."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

import pytest

from counterfoil.scorer.v1 import scorer_pb2
from shared.errors import Unavailable
from tests.bundles import TinyBundle, tiny_bundle
from tests.fakes import FakeRegistry
from tests.lending import eventually
from tests.service.scoring import Scorer, ask, failure, scorer

SERVING = scorer_pb2.GetServingModelRequest()


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return what serves, with the applicants of its own data set."""
    return tiny_bundle(tmp_path_factory.mktemp("champion"), seed=41)


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return another data set of the same applicants, with other values; its model is not used."""
    return tiny_bundle(tmp_path_factory.mktemp("newer"), seed=42)


@pytest.fixture
def registry(champion: TinyBundle) -> FakeRegistry:
    """Return a registry whose champion is served."""
    registry = FakeRegistry()
    registry.register(champion, alias="champion")
    return registry


def served_dataset(running: Scorer) -> str:
    """Return the data set whose applicants are scored."""
    return running.stub.GetServingModel(SERVING).applicants_dataset.removeprefix("datasets/")


def until(holds: Callable[[], bool]) -> None:
    """Return as soon as the condition holds."""
    eventually(holds, timeout_s=60, what="the refresh")


def margins_of(champion: TinyBundle, dataset: TinyBundle) -> list[float]:
    """Return the champion's margins of a data set's applicants."""
    margins: list[float] = champion.contents.model.margins(dataset.values).tolist()
    return margins


def test_answers_under_load_come_from_one_data_set_or_the_other(
    registry: FakeRegistry, champion: TinyBundle, newer: TinyBundle, tmp_path: Path
) -> None:
    """Nobody restarts or reloads; the model, its version and its bundle stay what they were."""
    before, after = margins_of(champion, champion), margins_of(champion, newer)
    with scorer(tmp_path, registry, watch_seconds=0.02) as running:
        first = running.stub.GetServingModel(SERVING)

        answers: list[tuple[int, float]] = []
        over = threading.Event()

        def score_on(thread: int) -> None:
            """Score one after the other until it is over."""
            places = cycle(range(thread, 1000, 7))
            while not over.is_set():
                place = next(places)
                answers.append((place, running.stub.Score(ask(champion.applicant_ids[place])).margin))

        with ThreadPoolExecutor(4) as pool:
            scoring = [pool.submit(score_on, thread) for thread in range(4)]
            until(lambda: len(answers) > 100)
            registry.refresh(newer, instead_of=champion)
            until(lambda: served_dataset(running) == newer.contents.dataset.id)
            over.set()
        for each in scoring:
            each.result()
        refreshed = running.stub.GetServingModel(SERVING)
        last = [running.stub.Score(ask(each)).margin for each in champion.applicant_ids[:50]]
        stored = running.stub.GetApplicant(scorer_pb2.GetApplicantRequest(name="applicants/100001"))

    assert all(margin in (before[place], after[place]) for place, margin in answers)
    assert last == after[:50]
    assert (refreshed.model_version, refreshed.bundle_digest) == (first.model_version, first.bundle_digest)
    assert first.applicants_digest == champion.contents.dataset.digest
    assert refreshed.applicants_digest == newer.contents.dataset.digest
    assert (refreshed.dataset, stored.dataset) == (first.dataset, f"datasets/{newer.contents.dataset.id}")


def test_what_cannot_be_had_changes_nothing(
    registry: FakeRegistry, champion: TinyBundle, newer: TinyBundle, tmp_path: Path
) -> None:
    """The applicants from before go on, and ReloadModel says so."""
    with scorer(tmp_path, registry) as running:
        registry.refresh(newer, instead_of=champion)
        registry.refreshed = None

        error = failure(lambda: running.stub.ReloadModel(scorer_pb2.ReloadModelRequest()))

        assert (error.code, error.reason) == ("UNAVAILABLE", "APPLICANTS_NOT_REFRESHED")
        assert running.stub.Score(ask("100001")).margin == margins_of(champion, champion)[0]
        assert served_dataset(running) == champion.contents.dataset.id


def test_a_version_of_another_data_set_has_its_own_applicants(
    registry: FakeRegistry, champion: TinyBundle, newer: TinyBundle, tmp_path: Path
) -> None:
    """What stood in for the one before is no news about those."""
    retrained = tiny_bundle(tmp_path / "retrained", seed=43)
    registry.refresh(newer, instead_of=champion)
    with scorer(tmp_path, registry) as running:
        standing_in = served_dataset(running)
        registry.register(retrained, alias="champion")

        running.stub.ReloadModel(scorer_pb2.ReloadModelRequest())

        assert (standing_in, served_dataset(running)) == (newer.contents.dataset.id, retrained.contents.dataset.id)


def test_a_restart_without_the_registry_remembers_the_newer_applicants(
    registry: FakeRegistry, champion: TinyBundle, newer: TinyBundle, tmp_path: Path
) -> None:
    """It must not fall back to older features just because MLflow is down."""
    registry.refresh(newer, instead_of=champion)
    with scorer(tmp_path, registry):
        registry.failure = Unavailable("MLflow cannot be used now", reason="MLFLOW_UNAVAILABLE")

    with scorer(tmp_path, registry) as running:
        assert running.stub.Score(ask("100001")).margin == margins_of(champion, newer)[0]
