"""Steps of the demo with written answers of the services: what they choose by themselves."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from counterfoil.cli.demonstration import Stage, promote
from counterfoil.trainer.v1 import training_pb2
from tests.service import cli_samples as samples
from tests.service.fake_services import FakeServices, fake_services


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """Run the fake services."""
    with fake_services() as fake:
        yield fake


def test_demo_promotes_the_cheapest_version_and_says_why(
    services: FakeServices, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """By the cross-validated cost, not the newest one; the reason that an auditor reads holds the figure."""
    versions = [samples.model_version(number) for number in (3, 2, 1)]
    for version, cost in zip(versions, (0.53, 0.51, 0.52), strict=True):
        version.metrics["cv_business_cost"] = cost
    services.answer("ListModelVersions", training_pb2.ListModelVersionsResponse(model_versions=versions))
    services.answer("PromoteModelVersion", samples.model_version())
    services.answer("ReloadModel", samples.serving_model())
    addresses = {f"COUNTERFOIL_{name}_ADDRESS": services.address for name in ("TRAINER", "SCORER", "MONITOR")}

    promote(Stage(tmp_path, {**os.environ, **addresses}, tmp_path))

    (request,) = services.asked("PromoteModelVersion")
    assert (request.name, request.alias) == (samples.VERSION, "champion")
    assert request.reason == "lowest cross-validated cost: 0.5100 per applicant"
    assert len(services.asked("ReloadModel")) == 1
    assert "$ counterfoil score reload" in capfd.readouterr().out
