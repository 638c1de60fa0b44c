"""Messages both ways: what is parsed is what was sent, and what is rendered can be sent back."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from google.protobuf.message import Message
from google.rpc import status_pb2
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import feature_pb2, prediction_pb2
from services.scorer import messages
from services.scorer.domain.features import FeatureResolver
from services.scorer.domain.requests import (
    ASKED_FOR,
    Absence,
    DenseFeatures,
    FeatureValue,
    NamedFeatures,
    Purpose,
    Question,
    StoredApplicant,
    Subject,
)
from services.scorer.domain.serving import ApplicantRow, MissingApplicants, Served
from shared.bundle.reading import load_bundle
from shared.errors import InvalidInput
from shared.rpc.encoded import Encoded
from tests.bundles import TinyBundle, tiny_bundle

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCORED = Encoded(scorer_pb2.ScoreResponse(model_version="v").SerializeToString(), "v")
DECISION = prediction_pb2.PURPOSE_DECISION

short_texts = st.text(max_size=messages.MAX_TEXT)
values = st.one_of(st.floats(allow_nan=False), st.text(max_size=5), st.sampled_from(list(Absence)))
applicants = st.one_of(
    st.builds(StoredApplicant, st.text(min_size=1, max_size=messages.MAX_TEXT)),
    st.builds(NamedFeatures, st.dictionaries(st.text(max_size=8), values, max_size=6)),
)
subjects = st.builds(Subject, applicants, short_texts, st.one_of(st.just(""), st.dates().map(date.isoformat)))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return a tiny bundle."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=12)


@pytest.fixture(scope="module")
def served(tiny: TinyBundle) -> Served:
    """Return it as it is served, without the splits of its data set."""
    bundle = load_bundle(tiny.folder, digest=tiny.digest)
    return Served(bundle, "3", FeatureResolver(bundle.schema), MissingApplicants("not needed here"), NOW)


def sent(subject: Subject) -> scorer_pb2.Subject:
    """Return a subject as a client sends it."""
    message = scorer_pb2.Subject(application_number=subject.application_number, as_of_date=subject.as_of_date)
    if isinstance(subject.applicant, StoredApplicant):
        message.applicant_id = subject.applicant.applicant_id
        return message
    assert isinstance(subject.applicant, NamedFeatures)
    message.features.SetInParent()
    for name, value in subject.applicant.features.items():
        message.features.features[name].CopyFrom(_value(value))
    return message


def _value(value: FeatureValue) -> feature_pb2.FeatureValue:
    if isinstance(value, float):
        return feature_pb2.FeatureValue(number=value)
    if isinstance(value, str):
        return feature_pb2.FeatureValue(category=value)
    return feature_pb2.FeatureValue(missing=feature_pb2.Missing() if value is Absence.MISSING else None)


def asked(*, subject: scorer_pb2.Subject | None, purpose: int = DECISION, request_id: str = "") -> Question:
    """Return the question of a Score call that went over the wire."""
    request = scorer_pb2.ScoreRequest(subject=subject, purpose=purpose, request_id=request_id)  # type: ignore[arg-type]
    parsed = scorer_pb2.ScoreRequest.FromString(request.SerializeToString())
    return messages.question_from_proto(parsed, model="credit-default", caller="bank")


def paths(error: InvalidInput) -> list[str]:
    """Return the paths of what is wrong."""
    return [violation.field for violation in error.violations]


@given(subjects, st.sampled_from(ASKED_FOR), short_texts)
def test_a_question_says_what_was_sent(subject: Subject, purpose: Purpose, request_id: str) -> None:
    """Whoever is asked about, for whatever purpose, and nothing that looks like a value is interpreted."""
    question = asked(subject=sent(subject), purpose=messages.purpose_to_proto(purpose), request_id=request_id)

    expected = Subject(subject.applicant, subject.application_number, subject.as_of_date, "subject.")
    assert question == Question(expected, purpose, "credit-default", "bank", "Score", request_id)


@given(st.text(max_size=70), st.lists(st.floats(), max_size=8))
def test_a_vector_says_what_was_sent(digest: str, numbers: list[float]) -> None:
    """Whatever it holds: whether it fits is for the served model to say."""
    vector = feature_pb2.DenseVector(schema_digest=digest, values=numbers)

    applicant = asked(subject=scorer_pb2.Subject(vector=vector)).subject.applicant

    assert isinstance(applicant, DenseFeatures)
    assert applicant.schema_digest == digest
    assert_array_equal(applicant.values, np.array(numbers, dtype=np.float64))


@given(st.lists(st.one_of(subjects, st.none()), min_size=1, max_size=6))
def test_a_batch_keeps_its_order_and_names_its_wrong_rows(given_: list[Subject | None]) -> None:
    """A subject that is nobody (None) is wrong by its own path, and its neighbours are still questions."""
    rows = [scorer_pb2.Subject() if each is None else sent(each) for each in given_]
    request = scorer_pb2.BatchScoreRequest(purpose=DECISION, subjects=rows)

    questions = messages.questions_from_proto(request, model="m", caller="bank")

    for row, (subject, question) in enumerate(zip(given_, questions, strict=True)):
        if subject is None:
            assert isinstance(question, InvalidInput)
            assert paths(question) == [f"subjects[{row}]"]
        else:
            assert isinstance(question, Question)
            assert (question.row, question.method) == (row, "BatchScore")
            assert question.subject.applicant == subject.applicant
            assert question.subject.field_prefix == f"subjects[{row}]."


@pytest.mark.parametrize("count", [0, messages.MAX_SUBJECTS + 1])
def test_a_batch_of_none_or_too_many_is_refused_as_a_whole(count: int) -> None:
    """Before any of its rows is looked at."""
    request = scorer_pb2.BatchScoreRequest(purpose=DECISION, subjects=[scorer_pb2.Subject()] * count)

    with pytest.raises(InvalidInput) as refused:
        messages.questions_from_proto(request, model="m", caller="bank")

    assert paths(refused.value) == ["subjects"]
    assert str(count) in refused.value.message


@pytest.mark.parametrize("field", ["applicant_id", "application_number"])
def test_a_text_may_be_as_long_as_is_said_and_no_longer(field: str) -> None:
    """Counted in characters, so that every script has the same room."""
    longest, longer = (
        scorer_pb2.Subject(**{"applicant_id": "1", field: "ж" * length})  # type: ignore[arg-type]
        for length in (messages.MAX_TEXT, messages.MAX_TEXT + 1)
    )

    question = asked(subject=longest)
    with pytest.raises(InvalidInput) as refused:
        asked(subject=longer)

    assert isinstance(question, Question)
    assert paths(refused.value) == [f"subject.{field}"]


@pytest.mark.parametrize("text", ["20260301", "2026-W09-7", "2026-3-1", "2026-02-29", "2026-03-01T00:00", "today"])
def test_only_a_calendar_date_is_a_date(text: str) -> None:
    """Python also reads basic and week dates; the record has one form."""
    with pytest.raises(InvalidInput) as refused:
        asked(subject=scorer_pb2.Subject(applicant_id="1", as_of_date=text))

    assert paths(refused.value) == ["subject.as_of_date"]


def test_everything_wrong_with_a_call_and_with_a_subject_is_said_at_once() -> None:
    """One round trip to mend either."""
    long = "x" * (messages.MAX_TEXT + 1)

    with pytest.raises(InvalidInput) as call:
        asked(subject=None, purpose=prediction_pb2.PURPOSE_UNSPECIFIED, request_id=long)
    with pytest.raises(InvalidInput) as subject:
        asked(subject=scorer_pb2.Subject(application_number=long, as_of_date="soon"))

    assert paths(call.value) == ["request_id", "purpose"]
    assert paths(subject.value) == ["subject.application_number", "subject.as_of_date", "subject"]


def test_an_unset_subject_and_a_flood_of_names_are_refused() -> None:
    """The first says who is meant by nothing, the second would be resolved name by name."""
    flood = {str(number): 0.0 for number in range(messages.MAX_FEATURES + 1)}

    with pytest.raises(InvalidInput) as unset:
        asked(subject=None)
    with pytest.raises(InvalidInput) as flooded:
        asked(subject=sent(Subject(NamedFeatures(flood))))

    assert paths(unset.value) == ["subject"]
    assert paths(flooded.value) == ["subject.features"]


@given(st.text(min_size=1, max_size=messages.MAX_TEXT))
def test_an_applicant_s_name_gives_its_identifier_back(identifier: str) -> None:
    """Also one that holds a slash or the collection's own name."""
    assert messages.applicant_id_from_name(f"applicants/{identifier}") == identifier


@pytest.mark.parametrize("name", ["", "applicants/", "1", "clients/1", "Applicants/1", "applicants/" + "1" * 129])
def test_another_name_is_no_applicant_s(name: str) -> None:
    """It is refused by the field that holds it."""
    with pytest.raises(InvalidInput) as refused:
        messages.applicant_id_from_name(name)

    assert paths(refused.value) == ["name"]


@given(
    st.sampled_from([0.0, 1.0]),
    st.lists(st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.just(np.nan)), min_size=3, max_size=3),
    st.sampled_from([0.0, 1.0]),
)
def test_a_rendered_applicant_can_be_sent_back_and_is_the_same_row(
    served: Served, gender: float, numbers: list[float], cash: float
) -> None:
    """What GetApplicant returns is what Score takes, missing values and all."""
    credit, external, bureau = numbers
    row = np.array([gender, credit, external, cash, 1.0 - cash, bureau])

    rendered = messages.applicant_to_proto(served, "7", ApplicantRow("test", row))
    question = asked(subject=scorer_pb2.Subject(features=rendered.features))

    assert (rendered.name, rendered.split) == ("applicants/7", "test")
    np.testing.assert_array_equal(served.inputs(question.subject), row)


def test_the_served_model_names_every_feature_with_its_range(served: Served) -> None:
    """A caller can build a form from it; a bound of 0 is set, not absent."""
    model = messages.serving_model_to_proto(served)

    for feature, shown in zip(served.bundle.schema.features, model.features, strict=True):
        assert (shown.name, shown.group, shown.level) == (feature.name, feature.group, feature.level)
        assert (shown.minimum, shown.maximum) == (feature.minimum, feature.maximum)
        assert shown.HasField("minimum")
    assert model.bundle_digest == served.bundle.digest
    assert model.load_time.ToDatetime(UTC) == NOW


@pytest.mark.parametrize(
    ("reply", "version"),
    [
        (Encoded(b"", "v"), "v"),
        (scorer_pb2.ServingModel(model_version="v"), "v"),
        (messages.batch_to_proto([status_pb2.Status(code=5), SCORED]), "v"),
        (messages.batch_to_proto([status_pb2.Status(code=5)]), ""),
        (scorer_pb2.Applicant(name="applicants/1"), ""),
    ],
)
def test_a_reply_is_logged_under_the_version_it_comes_from(reply: Message | Encoded, version: str) -> None:
    """Of a batch that is the first row that was scored."""
    assert messages.model_version_of(reply) == version
