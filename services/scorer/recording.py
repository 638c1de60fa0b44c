"""An answer as the prediction log keeps it: the part that proves the decision, and the part that is about a person."""

from array import array
from typing import Any, Final, NamedTuple

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp
from numpy.typing import NDArray

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import prediction_pb2
from services.scorer.adapters.spool import AnswerKey, Entry, Kept, Receipt
from services.scorer.domain.reasons import Detail
from services.scorer.domain.requests import Question, StoredApplicant
from services.scorer.domain.scoring import Answer
from services.scorer.domain.serving import Served
from services.scorer.messages import (
    decision_to_proto,
    explain_to_proto,
    principal_features,
    purpose_to_proto,
    score_to_proto,
)
from shared.bundle.reading import Bundle
from shared.prediction_record.chain import personal_digest
from shared.wire import raw_form

LAYOUT: Final = 1
_UUID_BYTES: Final = 16
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
    decision = _RawDecision(
        prediction_id=prediction_id,
        create_time=create_time,
        personal_digest=personal_digest(salt, personal),
        **_asked_fields(question, served),
        **_determined_fields(served.bundle, answer),
    )
    key = answer_key(question)
    kept = Kept(key, digest, lambda receipt: _with_receipt(response, receipt).SerializeToString()) if key else None
    return Draft(response, Entry(decision.SerializeToString(deterministic=True), personal, salt, kept))


def _uuid(randomness: bytes) -> str:
    """Return a UUID of version 4 in its 36 characters; the class of the standard library takes four times as long."""
    digits = randomness.hex()
    variant = "89ab"[randomness[8] & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _personal_part(question: Question, values: NDArray[np.float64]) -> bytes:
    applicant = question.subject.applicant
    personal: bytes = _RawPersonal(
        applicant_id=applicant.applicant_id if isinstance(applicant, StoredApplicant) else "",
        application_number=question.subject.application_number,
        values=values.tobytes(),
        request_id=question.request_id,
    ).SerializeToString(deterministic=True)
    return personal


def _asked_fields(question: Question, served: Served) -> dict[str, Any]:
    """Return what was asked, and by what it was answered."""
    return {
        "layout_version": LAYOUT,
        "model_version": served.model_version,
        "bundle_digest": served.bundle.digest,
        "kernel_id": served.bundle.kernel_id,
        "purpose": purpose_to_proto(question.purpose),
        "caller": question.caller,
        "method": question.method,
        "as_of_date": question.subject.as_of_date,
    }


def determined_part(bundle: Bundle, answer: Answer) -> prediction_pb2.DecisionPart:
    """Return the part of an answer that bundle, inputs and wish alone determine: what a replay must find again."""
    raw = _RawDecision(**_determined_fields(bundle, answer))
    return prediction_pb2.DecisionPart.FromString(raw.SerializeToString())


def _determined_fields(bundle: Bundle, answer: Answer) -> dict[str, Any]:
    explained = answer.wish.detail is not Detail.NONE
    return {
        "probability": answer.probability,
        "margin": answer.margin,
        "baseline": answer.baseline,
        "threshold": answer.threshold,
        "decision": decision_to_proto(answer.decision),
        "reason_features": answer.reasons.features,
        "reason_contributions": array("d", answer.reasons.contributions).tobytes(),
        "imputed_features": answer.imputed,
        "principal_reason_codes": [feature.reason_code for feature in principal_features(bundle, answer)],
        "explain": explain_to_proto(answer.wish),
        "max_principal_reasons": answer.wish.principal,
        "baseline_probability": answer.in_probability.baseline if explained else None,
        "probability_scale": answer.in_probability.scale if explained else None,
    }


def _with_receipt(response: scorer_pb2.ScoreResponse, receipt: Receipt) -> scorer_pb2.ScoreResponse:
    response.receipt.CopyFrom(receipt_to_proto(receipt))
    return response


def receipt_to_proto(receipt: Receipt) -> prediction_pb2.Receipt:
    """Return the receipt as it is sent."""
    return prediction_pb2.Receipt(instance=receipt.instance, sequence=receipt.sequence, hash=receipt.hash)
