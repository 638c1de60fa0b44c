"""`counterfoil audit replay` over a real channel."""

import json
from collections.abc import Iterator

import pytest
from google.rpc import code_pb2

from counterfoil.cli.replays import record_name
from counterfoil.monitor.v1 import prediction_log_pb2
from counterfoil.scorer.v1 import replay_pb2
from counterfoil.types.v1 import prediction_pb2
from tests.service import cli_samples as samples
from tests.service.fake_services import FakeServices, fake_services

VERSION = "models/credit-default/versions/2"


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """Run the fake services."""
    with fake_services() as fake:
        yield fake


def replayed(outcome: str, **fields: object) -> replay_pb2.ReplayPredictionResponse:
    """Return what a replay found."""
    number = replay_pb2.ReplayOutcome.Value(f"REPLAY_OUTCOME_{outcome}")
    return replay_pb2.ReplayPredictionResponse(outcome=number, rows=1, **fields)  # type: ignore[arg-type]  # by name


def page(*identifiers: str, token: str = "") -> prediction_log_pb2.ListPredictionsResponse:
    """Return a page of predictions of that name."""
    listed = [prediction_log_pb2.Prediction(name=f"{VERSION}/predictions/{each}") for each in identifiers]
    return prediction_log_pb2.ListPredictionsResponse(predictions=listed, next_page_token=token)


def test_a_prediction_is_replayed_with_the_hash_before_it(services: FakeServices) -> None:
    """The record goes to the scorer byte for byte."""
    logged = samples.prediction()
    logged.record.CopyFrom(prediction_pb2.PredictionRecord(sequence=77, decision_part=b"d", salt=b"s"))
    logged.proof.previous_hash = b"\x09" * 32
    services.answer("GetPrediction", logged)
    services.answer("ReplayPrediction", replayed("BIT_EQUAL"))

    outcome = services.run("audit", "replay", samples.PREDICTION)

    (request,) = services.asked("ReplayPrediction")
    assert outcome.exit_code == 0
    assert (request.record, request.previous_hash) == (logged.record, b"\x09" * 32)
    assert "bit equal" in outcome.stdout


def test_a_sample_is_drawn_from_all_pages_and_a_chunk_is_replayed_once(services: FakeServices) -> None:
    """What narrows the draw reaches the monitor; the rows of a chunk are one record."""
    services.answer("ListPredictions", page("a", "chunk.0", "chunk.1", token="next"))  # noqa: S106  # a page's
    services.answer("ListPredictions", page("chunk.7", "b"))
    services.answer("GetPrediction", samples.prediction())
    services.answer("ReplayPrediction", replayed("BIT_EQUAL"))

    outcome = services.run("audit", "replay", "--sample", "10", "--since", "2026-01-01", "--json")

    first, second = services.asked("ListPredictions")
    assert (first.start_time.ToJsonString(), second.page_token) == ("2026-01-01T00:00:00Z", "next")
    asked = sorted(request.name for request in services.asked("GetPrediction"))
    assert asked == [f"{VERSION}/predictions/{each}" for each in ("a", "b", "chunk")]
    assert json.loads(outcome.stdout) == {
        "predictions": 3,
        "rows": 3,
        "verdicts": {"BIT_EQUAL": 3},
        "unsound": [],
    }


def test_a_sample_is_no_larger_than_asked_and_the_same_for_a_seed(services: FakeServices) -> None:
    """Another seed draws others."""
    services.answer("ListPredictions", page(*(f"p{place:02}" for place in range(60))))
    services.answer("GetPrediction", samples.prediction())
    services.answer("ReplayPrediction", replayed("BIT_EQUAL"))

    drawn = []
    for seed in ("1", "1", "2"):
        before = len(services.asked("GetPrediction"))
        services.run("audit", "replay", "--sample", "20", "--seed", seed)
        drawn.append({request.name for request in services.asked("GetPrediction")[before:]})

    assert [len(each) for each in drawn] == [20] * 3
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_value_that_differs_is_shown_and_exits_1(services: FakeServices) -> None:
    """Field, stored and recomputed, and how many there were."""
    difference = replay_pb2.ReplayDifference(field="margin", stored="0.25", recomputed="0.5")
    services.answer("GetPrediction", samples.prediction())
    services.answer("ReplayPrediction", replayed("DIFFERENT", differences=[difference], difference_count=1))

    outcome = services.run("audit", "replay", samples.PREDICTION)

    assert outcome.exit_code == 1
    for word in ("margin", "0.25", "0.5", "different"):
        assert word in outcome.stdout
    assert "REPLAY_DIFFERS" in outcome.stderr


def test_what_was_erased_is_counted_and_a_bundle_that_is_gone_is_an_error(services: FakeServices) -> None:
    """An erasure is lawful; a bundle that is gone leaves the decision unproven."""
    services.answer("GetPrediction", samples.prediction())
    services.answer("ReplayPrediction", samples.refusal(code_pb2.FAILED_PRECONDITION, "PERSONAL_PART_ERASED", "erased"))
    services.answer("ReplayPrediction", samples.refusal(code_pb2.NOT_FOUND, "BUNDLE_NOT_FOUND", "gone"))

    erased = services.run("audit", "replay", samples.PREDICTION)
    gone = services.run("audit", "replay", samples.PREDICTION)

    assert (erased.exit_code, gone.exit_code) == (0, 1)
    assert "personal part erased" in erased.stdout
    assert "BUNDLE_NOT_FOUND" in gone.stdout


def test_a_scorer_that_is_away_ends_the_command(services: FakeServices) -> None:
    """It says nothing about any prediction."""
    services.answer("GetPrediction", samples.prediction())

    outcome = services.run("audit", "replay", samples.PREDICTION)

    assert outcome.exit_code != 0
    assert "UNIMPLEMENTED" in outcome.stderr


def test_either_predictions_or_a_sample_are_replayed(services: FakeServices) -> None:
    """Wrong usage otherwise."""
    assert services.run("audit", "replay").exit_code == 2
    assert services.run("audit", "replay", samples.PREDICTION, "--sample", "5").exit_code == 2


def test_the_record_of_a_row_is_its_chunk() -> None:
    """Whatever dots the model's name has."""
    assert record_name("models/a.b/versions/1/predictions/c.12") == "models/a.b/versions/1/predictions/c"
    assert record_name("models/a.b/versions/1/predictions/c") == "models/a.b/versions/1/predictions/c"
