"""`counterfoil model thresholds` and `rethreshold` over a real channel."""

import json
from collections.abc import Iterator

import pytest

from counterfoil.trainer.v1 import threshold_pb2, training_pb2
from tests.service import cli_samples as samples
from tests.service.fake_services import FakeServices, fake_services

Figures = threshold_pb2.ThresholdFigures


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """Run the fake services."""
    with fake_services() as fake:
        yield fake


def _response() -> threshold_pb2.EvaluateThresholdsResponse:
    return threshold_pb2.EvaluateThresholdsResponse(
        figures=[Figures(threshold=0.05, cost=0.6), Figures(threshold=0.5, cost=0.8, approval_rate=1.0, bad_rate=0.08)],
        best=Figures(threshold=0.0834, cost=0.51, approval_rate=0.7, bad_rate=0.04, recall=0.6),
        current=Figures(threshold=0.0912, cost=0.52),
        split=threshold_pb2.SCORED_SPLIT_TEST,
        outcomes=12345,
        costs=training_pb2.Costs(false_negative=0.6, false_negative_column="AMT_CREDIT", false_positive=5.0),
    )


def test_thresholds_are_shown_with_the_best_and_the_current_in_their_place(services: FakeServices) -> None:
    """Ascending, with the costs that they are judged by in the title."""
    services.answer("EvaluateThresholds", _response())

    outcome = services.run("model", "thresholds", "credit-default/2", "--split", "test")

    (request,) = services.asked("EvaluateThresholds")
    rows = [line.split() for line in outcome.stdout.splitlines() if line.strip().startswith("0.")]
    assert (request.name, request.split, request.grid_points) == (samples.VERSION, threshold_pb2.SCORED_SPLIT_TEST, 19)
    assert [row[0] for row in rows] == ["0.0500", "0.0834", "0.0912", "0.5000"]
    assert rows[1][1:] == ["0.51", "70.0%", "4.0%", "60.0%", "best"]
    assert rows[2][-1] == "current"
    assert "12,345 outcomes of test; 0.6 x AMT_CREDIT per default approved, 5 per good one refused" in outcome.stdout


def test_named_thresholds_take_the_place_of_the_grid(services: FakeServices) -> None:
    """Unless both are asked for, which the service refuses."""
    services.answer("EvaluateThresholds", _response())

    services.run("model", "thresholds", "2", "--threshold", "0.08", "--threshold", "0.12")
    services.run("model", "thresholds", "2", "--grid", "99")

    named, even = services.asked("EvaluateThresholds")
    assert (list(named.thresholds), named.grid_points) == ([0.08, 0.12], 0)
    assert (list(even.thresholds), even.grid_points) == ([], 99)


def test_thresholds_as_json_are_one_document(services: FakeServices) -> None:
    """With every field of the contract."""
    services.answer("EvaluateThresholds", _response())

    outcome = services.run("model", "thresholds", "2", "--json")

    assert json.loads(outcome.stdout)["best"]["threshold"] == 0.0834


def test_rethreshold_sends_the_wish_and_shows_the_version(services: FakeServices) -> None:
    """A threshold of its own, whose model it is, and why."""
    made = training_pb2.ModelVersion(
        name="models/credit-default/versions/3", threshold=0.1, base_version=samples.VERSION, reason="fewer refusals"
    )
    services.answer("CreateModelVersion", made)

    outcome = services.run(
        *("model", "rethreshold", "credit-default/2", "--threshold", "0.1", "--reason", "fewer refusals"),
        *("--request-id", "r-1"),
    )

    (request,) = services.asked("CreateModelVersion")
    assert request == threshold_pb2.CreateModelVersionRequest(
        request_id="r-1", base_version=samples.VERSION, threshold=0.1, reason="fewer refusals"
    )
    assert "models/credit-default/versions/3" in outcome.stdout
    assert ["model", "of", samples.VERSION] in [line.split() for line in outcome.stdout.splitlines()]


def test_rethreshold_without_a_reason_is_not_sent(services: FakeServices) -> None:
    """An auditor would ask for it."""
    outcome = services.run("model", "rethreshold", "2", "--threshold", "0.1")

    assert outcome.exit_code == 2
    assert not services.asked("CreateModelVersion")
