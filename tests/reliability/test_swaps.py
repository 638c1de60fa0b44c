"""A thousand promotions under load, and an MLflow that is away all the time: no failed call, no mixed reply."""

import itertools
import threading
from pathlib import Path

import psutil
import pytest

from counterfoil.client.channels import open_channel
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.scorer.v1.scorer_pb2_grpc import ScorerServiceStub
from counterfoil.types.v1 import prediction_pb2
from services.scorer.app import SERVICE_NAME
from tests.bundles import TinyBundle, tiny_bundle
from tests.champions import champion_in
from tests.fakes import FakeRegistry
from tests.processes import free_port, start_service, wait_until_serving
from tests.service.scoring import ask, scorer

pytestmark = pytest.mark.reliability
FLIPS = 1_000
WARM_FLIPS = 100
LARGEST_GROWTH = 1.05
RELOAD = scorer_pb2.ReloadModelRequest()


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> list[TinyBundle]:
    """Return two bundles of one model whose thresholds and margins differ."""
    return [tiny_bundle(tmp_path_factory.mktemp(f"version{seed}"), seed=seed) for seed in (1, 2)]


def test_a_thousand_flips_under_load_mix_nothing_and_leak_nothing(versions: list[TinyBundle], tmp_path: Path) -> None:
    """Each reply is that of the version it names, to the bit; memory stays where it was after the first hundred."""
    registry = FakeRegistry()
    for bundle in versions:
        registry.register(bundle, alias="champion")
    applicant = versions[0].applicant_ids[3]
    margins = {
        f"models/credit-default/versions/{number}": float(bundle.contents.model.margins(bundle.values[3:4])[0])
        for number, bundle in enumerate(versions, start=1)
    }
    request = ask(applicant)
    replies: list[scorer_pb2.ScoreResponse] = []
    stopping = threading.Event()

    with scorer(tmp_path, registry) as running:

        def load() -> None:
            """Ask until told to stop; a failed call fails the test."""
            while not stopping.is_set():
                replies.append(running.stub.Score(request))

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        process, sizes = psutil.Process(), []
        for flip, version in zip(range(FLIPS), itertools.cycle((1, 2)), strict=False):
            registry.aliases["credit-default", "champion"] = version
            running.stub.ReloadModel(RELOAD)
            if flip >= WARM_FLIPS and flip % 50 == 0:
                sizes.append(process.memory_info().rss)
        stopping.set()
        for thread in threads:
            thread.join()
        assert len(replies) > FLIPS
        assert {reply.model_version: reply.margin for reply in replies} == margins
        assert all(reply.margin == margins[reply.model_version] for reply in replies)
        assert all(reply.threshold == 0.25 for reply in replies)
        # The replies that this test keeps are its own, not the scorer's.
        kept = sum(reply.ByteSize() for reply in replies) * 3
        assert sizes[-1] <= sizes[0] * LARGEST_GROWTH + kept


def test_mlflow_away_all_the_time_fails_no_call(tmp_path: Path) -> None:
    """A scorer that served once starts from its cache and answers, applicants included, as it did before."""
    champion = champion_in(tmp_path, seed=3)
    address, elsewhere = f"127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    monitor = {"COUNTERFOIL_MONITOR_ADDRESS": f"127.0.0.1:{free_port()}", "COUNTERFOIL_WATCH_SECONDS": "0.2"}
    answers = []
    for mlflow in ({}, {"COUNTERFOIL_MLFLOW_URI": elsewhere}, {"COUNTERFOIL_MLFLOW_URI": elsewhere}):
        environment = {**champion.variables, **monitor, **mlflow}
        service = start_service("scorer", address, environment, tmp_path / "scorer.log")
        try:
            wait_until_serving(address, SERVICE_NAME)
            answers.append(margins_of(address, champion.applicant_ids[:300]))
        finally:
            service.kill()

    assert answers[0] == answers[1] == answers[2]


def margins_of(address: str, applicant_ids: tuple[str, ...]) -> list[float]:
    """Return the margin of each applicant; a failed call fails the test."""
    with open_channel(address) as channel:
        stub = ScorerServiceStub(channel)
        purpose = prediction_pb2.PURPOSE_DECISION
        return [
            stub.Score(
                scorer_pb2.ScoreRequest(purpose=purpose, subject=scorer_pb2.Subject(applicant_id=applicant_id))
            ).margin
            for applicant_id in applicant_ids
        ]
