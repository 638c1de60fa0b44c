"""`counterfoil predictions` over a real channel."""

from collections.abc import Iterator

import pytest

from counterfoil.monitor.v1 import prediction_log_pb2
from counterfoil.types.v1 import prediction_pb2
from tests.service import cli_samples as samples
from tests.service.fake_services import FakeServices, fake_services

SHORT = "credit-default/2/0b5f6c9e-0000-4000-8000-000000000000"


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """Run the fake services."""
    with fake_services() as fake:
        yield fake


def test_get_shows_decision_override_reasons_and_proof(services: FakeServices) -> None:
    """What the model said and what a person did stand beside each other."""
    services.answer("GetPrediction", samples.prediction())

    outcome = services.run("predictions", "get", SHORT)

    assert services.asked("GetPrediction")[0].name == samples.PREDICTION
    for word in ("APPROVE, not REFUSE", "A. Clerk", "payslips", "Credit amount", "+0.5000", "record 77", "0a0a0a"):
        assert word in outcome.stdout
    assert "2 inputs, of which 1 missing" in outcome.stdout


def test_get_says_what_is_erased_and_what_has_no_name(services: FakeServices) -> None:
    """Decision and proof are there all the same."""
    erased = samples.prediction()
    del erased.inputs[:]
    erased.erased, erased.names_missing_reason = True, "MODEL_VERSION_NOT_FOUND"
    erased.reasons[0].feature = ""
    services.answer("GetPrediction", erased)

    outcome = services.run("predictions", "get", SHORT, "--reasons", "1")

    for word in ("erased; decision and proof stay", "MODEL_VERSION_NOT_FOUND", "feature 0", "record 77"):
        assert word in outcome.stdout
    assert "OWN_CAR_AGE" not in outcome.stdout


def test_list_sends_what_narrows_it(services: FakeServices) -> None:
    """Without --last the times are plain bounds."""
    page = prediction_log_pb2.ListPredictionsResponse(predictions=[samples.prediction()], next_page_token="t7")  # noqa: S106  a page's
    services.answer("ListPredictions", page)

    narrowed = (
        "--model",
        "2",
        "--since",
        "2026-01-01",
        "--decision",
        "refuse",
        "--decision",
        "refer",
        "--purpose",
        "shadow",
    )
    outcome = services.run("predictions", "list", *narrowed, "--applicant", "1", "--application-number", "4711")

    (request,) = services.asked("ListPredictions")
    assert (request.model_version, request.applicant_id, request.application_number) == (samples.VERSION, "1", "4711")
    assert list(request.decisions) == [prediction_pb2.DECISION_REFUSE, prediction_pb2.DECISION_REFER]
    assert list(request.purposes) == [prediction_pb2.PURPOSE_SHADOW]
    assert request.start_time.ToJsonString() == "2026-01-01T00:00:00Z"
    assert not request.HasField("window")
    assert SHORT in outcome.stdout
    assert "--page-token t7" in outcome.stderr


def test_list_of_the_newest_is_a_drift_window(services: FakeServices) -> None:
    """With --last the times bound the window."""
    services.answer("ListPredictions", prediction_log_pb2.ListPredictionsResponse())

    services.run("predictions", "list", "--model", "2", "--last", "100", "--until", "2026-01-01")

    (request,) = services.asked("ListPredictions")
    assert (request.window.last_count, request.window.end_time.ToJsonString()) == (100, "2026-01-01T00:00:00Z")
    assert not request.HasField("end_time")


def test_override_sends_who_and_why(services: FakeServices) -> None:
    """And shows what was recorded."""
    services.answer("RecordOverride", samples.override())

    why = ("--code", "INCOME", "--reason", "payslips", "--officer", "A. Clerk", "--request-id", "r-1")
    outcome = services.run("predictions", "override", SHORT, "--decision", "approve", *why)

    (request,) = services.asked("RecordOverride")
    assert request == prediction_log_pb2.RecordOverrideRequest(
        request_id="r-1",
        prediction=samples.PREDICTION,
        decision=prediction_pb2.DECISION_APPROVE,
        reason_code="INCOME",
        reason="payslips",
        officer="A. Clerk",
    )
    assert "INCOME: payslips of six months" in outcome.stdout


def test_override_without_a_reason_is_wrong_usage(services: FakeServices) -> None:
    """Nothing is sent."""
    outcome = services.run("predictions", "override", SHORT, "--decision", "approve", "--code", "INCOME")

    assert outcome.exit_code == 2
    assert not services.asked("RecordOverride")


@pytest.mark.parametrize("name", ["x", "credit-default/2", "a/b/c/d", "//"])
def test_what_is_no_prediction_is_wrong_usage(services: FakeServices, name: str) -> None:
    """Told before anything is sent."""
    outcome = services.run("predictions", "get", name)

    assert outcome.exit_code == 2
    assert "is no prediction" in outcome.stderr
