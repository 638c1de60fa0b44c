"""Less is explained under overload: only where the caller allows it, never less than that, and the reply says so."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from counterfoil.inference.v2 import open_inference_pb2
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import explanation_pb2, prediction_pb2
from services.scorer import messages
from services.scorer.adapters.loading import Loader
from services.scorer.adapters.spool import Spool
from services.scorer.desk import Desk
from services.scorer.domain.reasons import Detail, Wish
from services.scorer.domain.requests import Purpose, Question, StoredApplicant, Subject, content_digest
from services.scorer.domain.serving import Serving
from services.scorer.explaining import Explaining, Questions
from services.scorer.inference_messages import call_of, questions_of, reply_of
from services.scorer.metrics import Meter
from services.scorer.replaying import Replayer
from services.scorer.tensors import encode_numbers
from shared.errors import CounterfoilError, Exhausted, InvalidInput
from shared.rpc.encoded import Encoded
from tests.bundles import SCHEMA, TinyBundle, tiny_bundle
from tests.clock import Clock
from tests.fakes import FakeRegistry

OVERLOADED, IDLE = 9, 8
ORDER = [Detail.NONE, Detail.PRINCIPAL, Detail.ALL]
details = st.sampled_from(ORDER)
TOLD_LESS = "counterfoil_scorer_told_less_total"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return a tiny bundle."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=9)


@pytest.fixture(scope="module")
def serving(tiny: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> Serving:
    """Return a serving that has loaded the bundle."""
    registry = FakeRegistry()
    registry.register(tiny, alias="champion")
    loader = Loader(registry, "credit-default", "champion", tmp_path_factory.mktemp("cache"), Clock())
    serving = Serving("credit-default", loader.load)
    serving.reload()
    return serving


@pytest.fixture
def figures() -> CollectorRegistry:
    """Return the registry that the desk's figures are in."""
    return CollectorRegistry()


@pytest.fixture
def overloaded(serving: Serving, spool: Spool, figures: CollectorRegistry) -> Iterator[Desk]:
    """Give a desk to which any row is too many."""
    desk = Desk(serving, spool, clock=Clock(), high_water_rows=0, meter=Meter(figures))
    desk.start()
    yield desk
    desk.stop()


def question(wished: Detail = Detail.ALL, at_least: Detail | None = None, applicant_id: str = "1") -> Question:
    """Return a question about a stored applicant."""
    subject = Subject(StoredApplicant(applicant_id), field_prefix="subject.")
    asked = Question(subject, Purpose.DECISION, "credit-default", "bank", "Score", wish=Wish(wished, 3))
    return asked._replace(at_least=at_least)


def wished(questions: Questions) -> list[Detail]:
    """Return the detail of each question."""
    return [each.wish.detail for each in questions if isinstance(each, Question)]


@given(details, details)
def test_under_overload_a_caller_is_told_what_it_said_is_enough(wish: Detail, at_least: Detail) -> None:
    """Neither less nor more; a question that allows nothing keeps its wish, and without overload all do."""
    explaining = Explaining(explained_rows=10, high_water_rows=OVERLOADED)
    asked = [question(wish, at_least), question(wish)]

    with explaining.as_load_allows(asked, OVERLOADED) as now:
        told = wished(now)
    with explaining.as_load_allows(asked, IDLE) as now:
        idle = list(now)

    assert told == [min(wish, at_least, key=ORDER.index), wish]
    assert idle == asked
    assert explaining.taken == 0


@pytest.mark.parametrize("at_least", [Detail.NONE, Detail.PRINCIPAL])
def test_principal_reasons_take_the_place_of_contributions_without_room(at_least: Detail) -> None:
    """Their part of the queue is full: who allows it has principal reasons, who does not is refused."""
    told: list[tuple[str, int]] = []
    explaining = Explaining(explained_rows=1, high_water_rows=OVERLOADED, on_less=lambda *less: told.append(less))

    with explaining.as_load_allows([question()], IDLE):
        with explaining.as_load_allows([question(at_least=at_least)] * 2, IDLE) as now:
            instead = wished(now)
        with pytest.raises(Exhausted, match="all contributions"), explaining.as_load_allows([question()], IDLE):
            pass

    assert instead == [Detail.PRINCIPAL] * 2
    assert told == [("PRINCIPAL", 2)]
    assert explaining.taken == 0


@given(details, details)
def test_a_repeated_call_is_the_same_call_however_much_it_was_told(wish: Detail, at_least: Detail) -> None:
    """The digest is of what was asked for, so that the stored answer goes out again."""
    asked = question(wish, at_least)

    assert content_digest(asked.with_less(Detail.NONE)) == content_digest(asked)
    assert content_digest(asked) != content_digest(question(wish))


def test_reply_and_record_say_what_was_told_and_what_was_asked(
    overloaded: Desk, spool: Spool, tiny: TinyBundle, serving: Serving, figures: CollectorRegistry
) -> None:
    """The record replays to the bit, since it holds what was sent; a metric counts the row."""
    asked = question(at_least=Detail.NONE, applicant_id=tiny.applicant_ids[0])

    (outcome,) = overloaded.answer([asked], lambda: True)

    assert isinstance(outcome, Encoded)
    reply = scorer_pb2.ScoreResponse.FromString(outcome.content)
    segment = spool.seal(1 << 20)
    assert segment is not None
    decision = prediction_pb2.DecisionPart.FromString(segment.records[0].decision_part)
    replayed = Replayer(lambda _version, _digest: serving.current().bundle).replay(segment.records[0], b"")
    assert (reply.explain_given, reply.HasField("reasons")) == (explanation_pb2.EXPLAIN_NONE, False)
    assert (decision.explain, decision.explain_asked) == (explanation_pb2.EXPLAIN_NONE, explanation_pb2.EXPLAIN_ALL)
    assert replayed.differences == []
    assert figures.get_sample_value(TOLD_LESS, {"explain": "NONE"}) == 1


def test_an_answer_in_full_says_nothing_of_an_overload(overloaded: Desk, spool: Spool, tiny: TinyBundle) -> None:
    """Nothing was allowed, so nothing was left out."""
    (outcome,) = overloaded.answer([question(applicant_id=tiny.applicant_ids[0])], lambda: True)

    assert isinstance(outcome, Encoded)
    reply = scorer_pb2.ScoreResponse.FromString(outcome.content)
    segment = spool.seal(1 << 20)
    assert segment is not None
    decision = prediction_pb2.DecisionPart.FromString(segment.records[0].decision_part)
    assert (reply.explain_given, decision.explain_asked) == (0, 0)
    assert len(reply.reasons.features) > 0


def test_a_standard_client_sees_what_it_was_not_told(overloaded: Desk, tiny: TinyBundle, serving: Serving) -> None:
    """NaN and empty texts, not the zeros of a feature without influence; the parameter says why."""
    request = open_inference_pb2.ModelInferRequest()
    request.inputs.add(name="features", datatype="FP64", shape=[2, len(SCHEMA.names)])
    request.raw_input_contents.append(encode_numbers(tiny.values[:2]))
    request.parameters["explain"].string_param = "all"
    request.parameters["explain_at_least"].string_param = "none"
    call = call_of(request)

    outcomes = overloaded.answer(
        [*questions_of(request, call, SCHEMA, model="credit-default", caller="bank")], lambda: True
    )
    scores = [scorer_pb2.ScoreResponse.FromString(each.content) for each in outcomes if isinstance(each, Encoded)]
    reply = reply_of(request, call, serving.current(), scores)

    tensors = dict(zip([each.name for each in reply.outputs], reply.raw_output_contents, strict=True))
    assert reply.parameters["explain_given"].string_param == "none"
    assert np.isnan(np.frombuffer(tensors["contributions"])).all()
    assert np.isfinite(np.frombuffer(tensors["probability"])).all()
    assert tensors["reasons"] == bytes(8)


@pytest.mark.parametrize("at_least", [explanation_pb2.EXPLAIN_ALL, 7, -1])
def test_an_unknown_detail_and_more_than_is_asked_for_are_refused(at_least: int) -> None:
    """By the field's name."""
    request = scorer_pb2.ScoreRequest(
        purpose=prediction_pb2.PURPOSE_DECISION,
        subject=scorer_pb2.Subject(applicant_id="1"),
        explain=explanation_pb2.EXPLAIN_REASONS,
        explain_at_least=explanation_pb2.Explain.ValueType(at_least),
    )

    with pytest.raises(InvalidInput) as caught:
        messages.question_from_proto(request, model="m", caller="bank")

    assert [each.field for each in caught.value.violations] == ["explain_at_least"]


@pytest.mark.parametrize(("explain", "at_least"), [("none", "all"), ("all", "much"), ("reasons", "")])
def test_a_standard_client_s_parameter_is_checked_as_the_field_is(explain: str, at_least: str) -> None:
    """By its name."""
    request = open_inference_pb2.ModelInferRequest()
    request.parameters["explain"].string_param = explain
    request.parameters["explain_at_least"].string_param = at_least

    with pytest.raises(CounterfoilError) as caught:
        call_of(request)

    assert isinstance(caught.value, InvalidInput)
    assert caught.value.violations[0].field == 'parameters["explain_at_least"]'
