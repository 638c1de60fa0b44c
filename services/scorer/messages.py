"""Requests to questions and answers to replies: pure functions, and the field paths of what is invalid."""

import math
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Final, Protocol

import numpy as np
from google.protobuf.message import Message
from google.rpc import status_pb2

from counterfoil.inference.v2 import open_inference_pb2
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import explanation_pb2, feature_pb2, prediction_pb2
from services.scorer.domain.decision import Decision
from services.scorer.domain.reasons import PRINCIPAL_REASONS, Detail, Wish
from services.scorer.domain.requests import (
    Absence,
    Applicant,
    DenseFeatures,
    FeatureValue,
    NamedFeatures,
    Purpose,
    Question,
    StoredApplicant,
    Subject,
)
from services.scorer.domain.serving import ApplicantRow, Served
from services.scorer.raw_messages import raw_from_proto
from services.scorer.unknown_fields import has_own_unknown_fields, has_unknown_fields, unknown_fields
from shared.bundle.schema import Feature
from shared.errors import FieldViolation, InvalidInput
from shared.rpc.encoded import Encoded

MAX_SUBJECTS: Final = 1000
MAX_TEXT: Final = 128
MAX_FEATURES: Final = 10_000
MAX_PRINCIPAL_REASONS: Final = 20
DOUBLE: Final = np.dtype("<f8")
_APPLICANTS: Final = "applicants/"
_MISSING: Final = feature_pb2.FeatureValue(missing=feature_pb2.Missing())

_PURPOSES: Final = {
    prediction_pb2.PURPOSE_DECISION: Purpose.DECISION,
    prediction_pb2.PURPOSE_TEST: Purpose.TEST,
    prediction_pb2.PURPOSE_WHAT_IF: Purpose.WHAT_IF,
}
_PURPOSES_SENT: Final = {purpose: number for number, purpose in _PURPOSES.items()} | {
    Purpose.SHADOW: prediction_pb2.PURPOSE_SHADOW
}
_DETAILS_SENT: Final = {
    Detail.NONE: explanation_pb2.EXPLAIN_NONE,
    Detail.PRINCIPAL: explanation_pb2.EXPLAIN_REASONS,
    Detail.ALL: explanation_pb2.EXPLAIN_ALL,
}
_DETAILS: Final = {explanation_pb2.EXPLAIN_UNSPECIFIED: Detail.ALL} | {
    number: detail for detail, number in _DETAILS_SENT.items()
}
_DECISIONS: Final = {
    Decision.APPROVE: prediction_pb2.DECISION_APPROVE,
    Decision.REFUSE: prediction_pb2.DECISION_REFUSE,
}


def question_from_proto(request: scorer_pb2.ScoreRequest, *, model: str, caller: str) -> Question:
    """Return the question of a Score call about the model of that name; raises InvalidInput for what is wrong."""
    purpose = _purpose(request)
    if not request.HasField("subject"):
        raise InvalidInput.of("subject", "is not set; say who is scored")
    subject, wish = _subject(request.subject, "subject."), wish_from_proto(request)
    at_least = _at_least(request, wish)
    return Question(subject, purpose, model, caller, "Score", request.request_id, 0, wish, request.version, at_least)


def questions_from_proto(
    request: scorer_pb2.BatchScoreRequest, *, model: str, caller: str
) -> list[Question | InvalidInput]:
    """Return, for each subject of a BatchScore call, its question or what is wrong with it.

    Raises InvalidInput for what is wrong with the call as a whole.
    """
    purpose = _purpose(request)
    if not 1 <= len(request.subjects) <= MAX_SUBJECTS:
        raise InvalidInput.of("subjects", f"holds {len(request.subjects)}; send 1 to {MAX_SUBJECTS}")
    wish = wish_from_proto(request)
    at_least = _at_least(request, wish)
    asked = (wish, request.version, at_least)
    questions: list[Question | InvalidInput] = []
    for row, message in enumerate(request.subjects):
        try:
            subject = _subject(message, f"subjects[{row}].")
        except InvalidInput as error:
            questions.append(error)
            continue
        questions.append(Question(subject, purpose, model, caller, "BatchScore", request.request_id, row, *asked))
    return questions


def applicant_id_from_name(name: str) -> str:
    """Return the identifier in `applicants/{id}`; raises InvalidInput for another name."""
    identifier = name.removeprefix(_APPLICANTS)
    if identifier == name or not 0 < len(identifier) <= MAX_TEXT:
        raise InvalidInput.of("name", f"is not the name of an applicant; give applicants/ID, ID up to {MAX_TEXT} long")
    return identifier


class _Explained(Protocol):
    """A request or a record that says how much of the reasons is wanted."""

    @property
    def explain(self) -> explanation_pb2.Explain.ValueType: ...
    @property
    def max_principal_reasons(self) -> int: ...


def wish_from_proto(asked: _Explained) -> Wish:
    """Return which reasons are wanted, all where nothing is said; raises InvalidInput for what it does not know."""
    return _wish(asked.explain, asked.max_principal_reasons)


@lru_cache
def _wish(explain: explanation_pb2.Explain.ValueType, most: int) -> Wish:
    if explain not in _DETAILS:
        raise InvalidInput.of("explain", "is none of the EXPLAIN_ values that this scorer knows")
    if most > MAX_PRINCIPAL_REASONS:
        raise InvalidInput.of("max_principal_reasons", f"is more than {MAX_PRINCIPAL_REASONS}; ask for fewer")
    return Wish(_DETAILS[explain], most or PRINCIPAL_REASONS)


def detail_to_proto(detail: Detail) -> explanation_pb2.Explain.ValueType:
    """Return the detail of reasons as it is sent and recorded."""
    return _DETAILS_SENT[detail]


def explain_to_proto(wish: Wish) -> explanation_pb2.Explain.ValueType:
    """Return the detail of the reasons as it is recorded."""
    return detail_to_proto(wish.detail)


def purpose_from_proto(number: int) -> Purpose:
    """Return what a score is for; raises InvalidInput if that is not said."""
    purpose = _PURPOSES.get(prediction_pb2.Purpose.ValueType(number))
    if purpose is not None:
        return purpose
    accepted = ", ".join(prediction_pb2.Purpose.Name(each) for each in _PURPOSES)
    raise InvalidInput.of("purpose", f"says not what the score is for; give one of {accepted}")


def purpose_to_proto(purpose: Purpose) -> prediction_pb2.Purpose.ValueType:
    """Return the purpose as it is sent and recorded."""
    return _PURPOSES_SENT[purpose]


def decision_to_proto(decision: Decision) -> prediction_pb2.Decision.ValueType:
    """Return the decision as it is sent and recorded."""
    return _DECISIONS[decision]


def batch_to_proto(outcomes: Iterable[Encoded | status_pb2.Status]) -> scorer_pb2.BatchScoreResponse:
    """Return the reply about a batch from each row's score or status, in the order of the request."""
    return scorer_pb2.BatchScoreResponse(
        results=[
            scorer_pb2.BatchScoreResult(score=scorer_pb2.ScoreResponse.FromString(outcome.content))
            if isinstance(outcome, Encoded)
            else scorer_pb2.BatchScoreResult(status=outcome)
            for outcome in outcomes
        ]
    )


def model_version_of(reply: Message | Encoded) -> str:
    """Return the model version that a reply comes from, of a batch its first score's; empty if it names none."""
    if isinstance(reply, Encoded | scorer_pb2.ServingModel):
        return reply.model_version
    if isinstance(reply, scorer_pb2.BatchScoreResponse):
        return next((result.score.model_version for result in reply.results if result.HasField("score")), "")
    if isinstance(reply, open_inference_pb2.ModelInferResponse):
        return f"models/{reply.model_name}/versions/{reply.model_version}"
    return ""


def applicant_to_proto(served: Served, applicant_id: str, row: ApplicantRow) -> scorer_pb2.Applicant:
    """Return an applicant's stored values under the names of the schema's features, missing ones as `missing`."""
    applicant = scorer_pb2.Applicant(
        name=f"{_APPLICANTS}{applicant_id}", dataset=f"datasets/{served.stored_dataset.id}", split=row.split
    )
    given = applicant.features.features
    for feature, value in zip(served.bundle.schema.features, row.values.tolist(), strict=True):
        given[feature.name].CopyFrom(_MISSING if math.isnan(value) else feature_pb2.FeatureValue(number=value))
    return applicant


def serving_model_to_proto(served: Served) -> scorer_pb2.ServingModel:
    """Return what is served, with every feature that it reads."""
    bundle = served.bundle
    model = scorer_pb2.ServingModel(
        model_version=served.model_version,
        bundle_digest=bundle.digest,
        kernel_id=bundle.kernel_id,
        dataset=f"datasets/{bundle.dataset.id}",
        applicants_dataset=f"datasets/{served.stored_dataset.id}",
        applicants_digest=served.stored_dataset.digest,
        classifier=bundle.classifier,
        threshold=bundle.threshold,
        features=[_feature_to_proto(feature) for feature in bundle.schema.features],
        schema_digest=bundle.schema.digest,
        alias=served.alias,
    )
    model.load_time.FromDatetime(served.load_time)
    return model


def serving_models_to_proto(served: Iterable[Served]) -> scorer_pb2.ListServingModelsResponse:
    """Return all that is served, without the features of each."""
    models = [serving_model_to_proto(each) for each in served]
    for model in models:
        model.ClearField("features")
    return scorer_pb2.ListServingModelsResponse(serving_models=models)


def _purpose(request: scorer_pb2.ScoreRequest | scorer_pb2.BatchScoreRequest) -> Purpose:
    """Return what the call is for, once everything that both calls have is found sound."""
    violations = too_long((("request_id", request.request_id),)) if len(request.request_id) > MAX_TEXT else []
    try:
        purpose = purpose_from_proto(request.purpose)
    except InvalidInput as error:
        raise InvalidInput([*violations, *error.violations]) from error
    if violations:
        raise InvalidInput(violations)
    return purpose


def _at_least(request: scorer_pb2.ScoreRequest | scorer_pb2.BatchScoreRequest, wish: Wish) -> Detail | None:
    """Return the detail that is enough under overload; None if nothing less than the wish is."""
    if not request.explain_at_least:
        return None
    detail = _DETAILS.get(request.explain_at_least)
    if detail is None:
        raise InvalidInput.of("explain_at_least", "is none of the EXPLAIN_ values that this scorer knows")
    if wish.detail.is_less_than(detail):
        raise InvalidInput.of("explain_at_least", "is more than explain asks for; give less, or leave it out")
    return detail


def _subject(message: scorer_pb2.Subject, prefix: str) -> Subject:
    kind = message.WhichOneof("subject")
    if violations := _violations(message, kind, prefix):
        raise InvalidInput(violations)
    return Subject(_applicant(message, kind, prefix), message.application_number, message.as_of_date, prefix)


def _violations(message: scorer_pb2.Subject, kind: str | None, prefix: str) -> list[FieldViolation]:
    """Return what is wrong with a subject; nothing is made for one that is sound, which nearly all are."""
    violations: list[FieldViolation] = []
    for name in ("application_number", "applicant_id"):
        if len(text := getattr(message, name)) > MAX_TEXT:
            violations += too_long(((f"{prefix}{name}", text),))
    if message.as_of_date and not is_date(message.as_of_date):
        violations.append(FieldViolation(f"{prefix}as_of_date", "is not a date; give YYYY-MM-DD, or leave it empty"))
    if kind in (None, "applicant_id") and not message.applicant_id:
        why = "names nobody; set applicant_id, features, vector or raw"
        violations.append(FieldViolation(prefix.removesuffix("."), why))
    if kind == "features" and len(message.features.features) > MAX_FEATURES:
        violations.append(FieldViolation(f"{prefix}features", f"holds more than {MAX_FEATURES} names; send fewer"))
    if _has_unknown_fields(message, kind):
        violations += unknown_fields(message, prefix.removesuffix("."))
    return violations


def _has_unknown_fields(message: scorer_pb2.Subject, kind: str | None) -> bool:
    if kind == "vector":
        return has_own_unknown_fields(message) or has_own_unknown_fields(message.vector)
    return has_unknown_fields(message)


def _applicant(message: scorer_pb2.Subject, kind: str | None, prefix: str) -> Applicant:
    if kind == "raw":
        return raw_from_proto(message.raw, f"{prefix}raw.")
    if kind == "vector":
        return _dense(message.vector)
    if kind == "features":
        return NamedFeatures({name: _feature_value(value) for name, value in message.features.features.items()})
    return StoredApplicant(message.applicant_id)


def _dense(vector: feature_pb2.DenseVector) -> DenseFeatures:
    """Return a vector's digest and values; its unknown fields have been refused."""
    # The values are its last field, and its encoding ends in their memory.
    content, n_values = vector.SerializeToString(), len(vector.values)
    start = len(content) - n_values * DOUBLE.itemsize
    return DenseFeatures(vector.schema_digest, np.frombuffer(content, DOUBLE, n_values, start))


def _feature_value(message: feature_pb2.FeatureValue) -> FeatureValue:
    match message.WhichOneof("value"):
        case "number":
            return message.number
        case "category":
            return message.category
        case "missing":
            return Absence.MISSING
        case None:
            return Absence.EMPTY


def too_long(texts: Sequence[tuple[str, str]]) -> list[FieldViolation]:
    """Return what is wrong with the texts, given with their paths, that are longer than any text may be."""
    return [
        FieldViolation(path, f"is longer than {MAX_TEXT} characters; shorten it")
        for path, text in texts
        if len(text) > MAX_TEXT
    ]


def is_date(text: str) -> bool:
    """Return whether it is YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _feature_to_proto(feature: Feature) -> scorer_pb2.ServedFeature:
    return scorer_pb2.ServedFeature(
        name=feature.name,
        group=feature.group,
        level=feature.level,
        minimum=feature.minimum,
        maximum=feature.maximum,
        missing_share=feature.missing_share,
        reason_code=feature.reason_code,
        reason_text=feature.reason_text,
        lower_bound=feature.lower_bound,
        upper_bound=feature.upper_bound,
        codes=feature.codes,
        principal_code=feature.reason,
        principal_text=feature.principal_text,
    )
