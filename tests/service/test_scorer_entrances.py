"""What no entrance takes: one table of bad values, and each way to an answer refuses each of them by its field."""

import math
from collections.abc import Iterator

import numpy as np
import pytest

from counterfoil.client.channels import open_channel
from counterfoil.client.errors import CallError, status_error
from counterfoil.homecredit.v1 import home_credit_pb2
from counterfoil.inference.v2 import open_inference_pb2, open_inference_pb2_grpc
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import prediction_pb2
from tests.bundles import SCHEMA, TinyBundle, tiny_bundle
from tests.fakes import FakeRegistry
from tests.service.scoring import APPLICATION, Scorer, answer_of, ask, batch, dense, failure, feature_map, scorer
from tests.service.streams import chunk_of, settings_for, streamed

CREDIT = SCHEMA.names.index("AMT_CREDIT")
INFINITE = [math.inf, -math.inf]
SOUND = [1.0, 250_000.0, 0.5, 1.0, 0.0, -500.0]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return the bundle that serves in this module."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=1)


@pytest.fixture(scope="module")
def running(bundle: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scorer]:
    """Give a scorer that serves the bundle."""
    registry = FakeRegistry()
    registry.register(bundle, alias="champion")
    with scorer(tmp_path_factory.mktemp("state"), registry) as it:
        yield it


def with_credit(value: float) -> list[float]:
    """Return a sound vector but for the amount of credit."""
    return [value if place == CREDIT else each for place, each in enumerate(SOUND)]


def raw(value: float) -> scorer_pb2.ScoreRequest:
    """Return a raw application of this amount of credit."""
    application = home_credit_pb2.ApplicationRow(code_gender="F", name_contract_type="Cash loans", amt_credit=value)
    message = home_credit_pb2.LoanApplication(application=application)
    return scorer_pb2.ScoreRequest(purpose=prediction_pb2.PURPOSE_DECISION, subject=scorer_pb2.Subject(raw=message))


def refusals(running: Scorer, value: float) -> dict[str, CallError]:
    """Return how each entrance refuses an amount of credit."""
    (chunk,) = streamed(running, [settings_for(running), chunk_of(np.array([with_credit(value)]))])
    named = scorer_pb2.Subject(features=feature_map(APPLICATION | {"AMT_CREDIT": value}))
    (row,) = running.stub.BatchScore(batch([named])).results
    return {
        "named": failure(lambda: running.stub.Score(ask(features=APPLICATION | {"AMT_CREDIT": value}))),
        "vector": failure(lambda: running.stub.Score(dense(with_credit(value)))),
        "raw": failure(lambda: running.stub.Score(raw(value))),
        "batch": status_error(row.status),
        "stream": status_error(chunk.refusals[0].status),
        "inference": failure(lambda: infer(running, with_credit(value))),
    }


def infer(running: Scorer, values: list[float]) -> open_inference_pb2.ModelInferResponse:
    """Ask about one vector by the Open Inference Protocol."""
    tensor = open_inference_pb2.ModelInferRequest.InferInputTensor(
        name="features", datatype="FP64", shape=[1, len(values)]
    )
    request = open_inference_pb2.ModelInferRequest(
        model_name="credit-default", inputs=[tensor], raw_input_contents=[np.array(values, "<f8").tobytes()]
    )
    with open_channel(running.address) as channel:
        return open_inference_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(request)


@pytest.mark.parametrize("value", INFINITE)
def test_an_infinite_number_is_refused_by_its_field_at_every_entrance(running: Scorer, value: float) -> None:
    """Infinity is not missing: it would move the margin."""
    found = refusals(running, value)

    assert {name: (each.code, [problem.field for problem in each.fields]) for name, each in found.items()} == {
        name: ("INVALID_ARGUMENT", [field])
        for name, field in {
            "named": 'subject.features["AMT_CREDIT"]',
            "vector": "subject.vector.values[1]",
            "raw": "subject.raw.application.amt_credit",
            "batch": 'subjects[0].features["AMT_CREDIT"]',
            "stream": "rows[0].values[1]",
            "inference": "rows[0].vector.values[1]",
        }.items()
    }


def test_a_negative_zero_is_a_zero_at_every_entrance(running: Scorer) -> None:
    """The same answer, and so the same record."""
    for make in (lambda value: ask(features=APPLICATION | {"AMT_CREDIT": value}), lambda v: dense(with_credit(v)), raw):
        zero, negative = (running.stub.Score(make(value)) for value in (0.0, -0.0))

        assert answer_of(zero) == answer_of(negative)


def test_the_largest_numbers_are_scored_as_numbers(running: Scorer) -> None:
    """1e308 lies beyond every split of a tree; it is neither missing nor infinite."""
    answers = [running.stub.Score(ask(features=APPLICATION | {"AMT_CREDIT": value})) for value in (1e308, 1e30)]

    assert answers[0].margin == answers[1].margin
    assert not answers[0].imputed_features


@pytest.mark.parametrize("values", [SOUND[:-1], [*SOUND, 0.0]])
def test_a_vector_of_another_length_is_refused_at_every_entrance(running: Scorer, values: list[float]) -> None:
    """By the field that holds it, nothing is filled up or cut off."""
    vector = failure(lambda: running.stub.Score(dense(values)))
    stream = failure(lambda: streamed(running, [settings_for(running), chunk_of(np.array([values]))]))
    inference = failure(lambda: infer(running, values))

    assert [(each.code, each.fields[0].field) for each in (vector, stream, inference)] == [
        ("INVALID_ARGUMENT", "subject.vector.values"),
        ("INVALID_ARGUMENT", "chunk[0].values"),
        ("INVALID_ARGUMENT", "inputs[0].shape"),
    ]


def test_a_stale_schema_is_refused_with_the_one_that_serves(running: Scorer) -> None:
    """A vector for another model's features must not be read by position."""
    stale = "0" * 64
    errors = [
        failure(lambda: running.stub.Score(dense(SOUND, schema_digest=stale))),
        failure(lambda: streamed(running, [settings_for(running, schema_digest=stale)])),
    ]

    assert {(each.code, each.reason) for each in errors} == {("INVALID_ARGUMENT", "SCHEMA_MISMATCH")}
    assert [each.fields[0].field for each in errors] == ["subject.vector.schema_digest", "settings.schema_digest"]
    assert {each.metadata["schema_digest"] for each in errors} == {SCHEMA.digest}
