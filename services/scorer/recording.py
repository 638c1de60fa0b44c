"""An answer as the prediction log keeps it: the part that proves the decision, and the part that is about a person."""

from array import array
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp
from numpy.typing import NDArray

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import prediction_pb2
from services.scorer.adapters.spool import AnswerKey, Entry, Kept, Receipt
from services.scorer.domain.reasons import Detail
from services.scorer.domain.requests import Purpose, Question, StoredApplicant
from services.scorer.domain.scoring import Answer
from services.scorer.domain.serving import Served
from services.scorer.messages import (
    decision_to_proto,
    explain_to_proto,
    principal_codes,
    purpose_to_proto,
    score_to_proto,
)
from shared.bundle.reading import Bundle
from shared.prediction_record.chain import personal_digest
from shared.wire import raw_form

LAYOUT: Final = 1
_UUID_BYTES: Final = 16
_CALLERS: Final = 1024
RANDOM_BYTES: Final = _UUID_BYTES + 16
_RawPersonal: Final = raw_form(prediction_pb2.PersonalPart, "values")
_RawDecision: Final = raw_form(prediction_pb2.DecisionPart, "reason_contributions")


class Resolved(NamedTuple):
    """What a question is answered from: one bundle, and the row of inputs, shape (n_features,), NaN being missing."""

    served: Served
    values: NDArray[np.float64]


class Draft(NamedTuple):
    """A reply that lacks only its receipt, and the entry that must be in the spool before it goes out."""

    response: scorer_pb2.ScoreResponse
    entry: Entry

    def with_receipt(self, receipt: Receipt) -> scorer_pb2.ScoreResponse:
        """Return the reply with its receipt."""
        return _with_receipt(self.response, receipt)


def answer_key(question: Question) -> AnswerKey | None:
    """Return what makes the question idempotent, None if its caller gave no request_id."""
    if not question.request_id:
        return None
    return AnswerKey(question.caller, question.method, question.request_id, question.row)


def draft(
    question: Question,
    digest: bytes,
    resolved: Resolved,
    answer: Answer,
    *,
    create_time: Timestamp,
    randomness: bytes,
) -> Draft:
    """Return reply and entry of one answer; `digest` is that of the question's content if it has a request_id.

    The random bytes, RANDOM_BYTES of them, become identifier and salt.
    """
    served, values = resolved
    prediction_id, salt = _uuid(randomness[:_UUID_BYTES]), randomness[_UUID_BYTES:]
    response = score_to_proto(served, answer, values, prediction_id=prediction_id, create_time=create_time)
    personal = _personal_part(question, values)
    decision = _RawDecision()
    _set_determined(decision, served.bundle, answer)
    decision.prediction_id = prediction_id
    decision.create_time.CopyFrom(create_time)
    decision.personal_digest = personal_digest(salt, personal)
    decision.as_of_date = question.subject.as_of_date
    # Serialised messages one after the other are one message.
    decision_part = _asked_part(served, question) + decision.SerializeToString(deterministic=True)
    key = answer_key(question)
    kept = Kept(key, digest, lambda receipt: _with_receipt(response, receipt).SerializeToString()) if key else None
    return Draft(response, Entry(decision_part, personal, salt, kept))


def _uuid(randomness: bytes) -> str:
    """Return a UUID of version 4 in its 36 characters; the class of the standard library takes four times as long."""
    digits = randomness.hex()
    variant = "89ab"[randomness[8] & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _personal_part(question: Question, values: NDArray[np.float64]) -> bytes:
    applicant = question.subject.applicant
    personal = _RawPersonal()
    if isinstance(applicant, StoredApplicant):
        personal.applicant_id = applicant.applicant_id
    personal.application_number = question.subject.application_number
    personal.values = values.tobytes()
    personal.request_id = question.request_id
    return bytes(personal.SerializeToString(deterministic=True))


def _asked_part(served: Served, question: Question) -> bytes:
    """Return what was asked, and by what it was answered, serialised."""
    by = (served.model_version, served.bundle.digest, served.bundle.kernel_id)
    return _alike(by, question.purpose, question.caller, question.method)


@lru_cache(_CALLERS)
def _alike(by: tuple[str, str, str], purpose: Purpose, caller: str, method: str) -> bytes:
    """Return what is the same in nearly all records."""
    model_version, bundle_digest, kernel_id = by
    return prediction_pb2.DecisionPart(
        layout_version=LAYOUT,
        model_version=model_version,
        bundle_digest=bundle_digest,
        kernel_id=kernel_id,
        purpose=purpose_to_proto(purpose),
        caller=caller,
        method=method,
    ).SerializeToString(deterministic=True)


def determined_part(bundle: Bundle, answer: Answer) -> prediction_pb2.DecisionPart:
    """Return the part of an answer that bundle, inputs and wish alone determine: what a replay must find again."""
    raw = _RawDecision()
    _set_determined(raw, bundle, answer)
    return prediction_pb2.DecisionPart.FromString(raw.SerializeToString())


def _set_determined(decision: Any, bundle: Bundle, answer: Answer) -> None:
    decision.probability = answer.probability
    decision.margin = answer.margin
    decision.baseline = answer.baseline
    decision.threshold = answer.threshold
    decision.decision = decision_to_proto(answer.decision)
    decision.reason_features.extend(answer.reasons.features)
    decision.reason_contributions = array("d", answer.reasons.contributions).tobytes()
    decision.imputed_features.extend(answer.imputed)
    decision.principal_reason_codes.extend(principal_codes(bundle, answer))
    decision.explain = explain_to_proto(answer.wish)
    decision.max_principal_reasons = answer.wish.principal
    if answer.wish.detail is not Detail.NONE:
        decision.baseline_probability = answer.in_probability.baseline
        decision.probability_scale = answer.in_probability.scale


def receipt_to_proto(receipt: Receipt) -> prediction_pb2.Receipt:
    """Return the receipt as it is sent."""
    return prediction_pb2.Receipt(instance=receipt.instance, sequence=receipt.sequence, hash=receipt.hash)


def _with_receipt(response: scorer_pb2.ScoreResponse, receipt: Receipt) -> scorer_pb2.ScoreResponse:
    message = response.receipt
    message.instance, message.sequence, message.hash = receipt
    return response
