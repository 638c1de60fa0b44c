"""Requests that look like one before them: read as protobuf reads them, or not recognised."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import explanation_pb2, feature_pb2, prediction_pb2
from services.scorer.domain.features import FeatureResolver
from services.scorer.domain.requests import DenseFeatures
from services.scorer.domain.serving import Served
from services.scorer.messages import question_from_proto
from services.scorer.quick_reading import MAX_ALIKE, MAX_KINDS, Shapes, Unread
from shared.bundle.reading import load_bundle
from tests.bundles import TinyBundle, tiny_bundle

CALLER: Final = "CN=bank"
numbers = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 1.0]))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return a tiny bundle."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=3)


@pytest.fixture(scope="module")
def served(tiny: TinyBundle) -> Served:
    """Return it served."""
    bundle = load_bundle(tiny.folder, digest=tiny.digest)
    return Served(bundle, "1", FeatureResolver(bundle.schema), None, datetime.now(UTC))  # type: ignore[arg-type]  # nobody stored is asked for


def request(served: Served, number: float = 1.0, /, **fields: Any) -> scorer_pb2.ScoreRequest:
    """Return a request about an applicant whose features are all that number."""
    schema = served.bundle.schema
    vector = feature_pb2.DenseVector(schema_digest=schema.digest, values=[number] * len(schema.names))
    made = scorer_pb2.ScoreRequest(
        purpose=prediction_pb2.PURPOSE_DECISION,
        subject=scorer_pb2.Subject(vector=vector),
        explain=explanation_pb2.EXPLAIN_REASONS,
    )
    made.MergeFrom(scorer_pb2.ScoreRequest(**fields))
    return made


def learnt(shapes: Shapes, message: scorer_pb2.ScoreRequest, served: Served) -> None:
    """Let the shapes learn the message."""
    question = question_from_proto(message, model="credit-default", caller=CALLER)
    shapes.learn(message, message.SerializeToString(), question, served)


kinds = st.fixed_dictionaries(
    {
        "purpose": st.sampled_from([prediction_pb2.PURPOSE_DECISION, prediction_pb2.PURPOSE_TEST]),
        "explain": st.sampled_from([explanation_pb2.EXPLAIN_NONE, explanation_pb2.EXPLAIN_REASONS]),
        "max_principal_reasons": st.integers(0, 20),
        "subject": st.sampled_from(["", "2026-11-28"]).map(lambda day: scorer_pb2.Subject(as_of_date=day)),
    }
)


@given(st.lists(st.tuples(kinds, numbers, numbers), min_size=1, max_size=5))
def test_what_is_recognised_is_read_as_protobuf_reads_it(
    served: Served, asked: list[tuple[dict[str, Any], float, float]]
) -> None:
    """Purpose, reasons, date and numbers, whatever other kinds are known as well."""
    shapes = Shapes()
    for kind, number, _ in asked:
        learnt(shapes, request(served, number, **kind), served)

    for kind, _, number in asked:
        message = request(served, number, **kind)
        content = message.SerializeToString()
        shape = shapes.find(content, CALLER, served)
        assert shape is not None
        read = Unread(content, shape, served).read()
        expected = question_from_proto(message, model="credit-default", caller=CALLER)
        assert isinstance(expected.subject.applicant, DenseFeatures)
        assert_array_equal(read.sound.values, expected.subject.applicant.values)
        assert read.sound.served is served
        assert not read.sound.judged
        assert read.question._replace(subject=expected.subject) == expected
        assert read.question.subject.as_of_date == expected.subject.as_of_date


@pytest.mark.parametrize(
    "fields",
    [
        {"request_id": "r"},
        {"version": "1"},
        {"explain": explanation_pb2.EXPLAIN_ALL},
        {"explain_at_least": explanation_pb2.EXPLAIN_NONE},
        {"subject": scorer_pb2.Subject(application_number="A-1")},
    ],
)
def test_requests_that_need_more_are_never_learnt(served: Served, fields: dict[str, Any]) -> None:
    """A request_id or version is looked up, all contributions have a budget, an application number is a person's."""
    shapes, message = Shapes(), request(served, **fields)
    learnt(shapes, message, served)

    assert shapes.find(message.SerializeToString(), CALLER, served) is None


def test_other_bytes_other_callers_and_other_bundles_are_not_recognised(served: Served) -> None:
    """What was sound for one schema is looked at anew for another."""
    shapes, message = Shapes(), request(served)
    learnt(shapes, message, served)
    content = message.SerializeToString()
    other = served.bundle.schema.digest[::-1].encode()

    assert shapes.find(content, CALLER, served) is not None
    assert shapes.find(content, "CN=other", served) is None
    assert shapes.find(content.replace(served.bundle.schema.digest.encode(), other), CALLER, served) is None
    assert shapes.find(content + content[-2:], CALLER, served) is None
    assert shapes.find(b"", CALLER, served) is None


def test_a_vector_of_another_schema_is_not_learnt(served: Served) -> None:
    """It was answered before a swap, and is learnt after it."""
    shapes, message = Shapes(), request(served)
    message.subject.vector.schema_digest = "0" * 64
    learnt(shapes, message, served)
    shorter = request(served)
    del shorter.subject.vector.values[-1]
    learnt(shapes, shorter, served)

    assert shapes.find(message.SerializeToString(), CALLER, served) is None
    assert shapes.find(shorter.SerializeToString(), CALLER, served) is None


def test_the_shapes_stay_few(served: Served) -> None:
    """However many callers ask in however many ways; the last way is known."""
    shapes = Shapes()
    for place in range(2 * MAX_KINDS):
        caller = f"CN={place}"
        for day in range(2 * MAX_ALIKE):
            message = request(served, subject=scorer_pb2.Subject(as_of_date=f"{1900 + day}-01-01"))
            content = message.SerializeToString()
            question = question_from_proto(message, model="credit-default", caller=caller)
            shapes.learn(message, content, question, served)
            assert shapes.find(content, caller, served) is not None

    assert sum(map(len, shapes._known.values())) <= MAX_KINDS * MAX_ALIKE
