"""The scorer that the clients ask."""

from collections.abc import Iterator

import pytest

from services.scorer.app import INFERENCE_SERVICE_NAME
from tests.bundles import TinyBundle, tiny_bundle
from tests.fakes import FakeRegistry
from tests.processes import wait_until_serving
from tests.service.scoring import Scorer, scorer


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return the bundle that serves."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=1)


@pytest.fixture(scope="module")
def running(bundle: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scorer]:
    """Give a scorer that serves the bundle."""
    registry = FakeRegistry()
    registry.register(bundle, alias="champion")
    with scorer(tmp_path_factory.mktemp("state"), registry) as it:
        wait_until_serving(it.address, INFERENCE_SERVICE_NAME)
        yield it
