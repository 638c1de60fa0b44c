"""An answer as the prediction log keeps it: the part that proves the decision, and the part that is about a person."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
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

LAYOUT: Final = 1
_SALT_BYTES: Final = 16
_UUID_BYTES: Final = 16


@dataclass(frozen=True)
class Resolved:
    """What a question is answered from: one bundle, and the row of inputs, shape (n_features,), NaN being missing."""

    served: Served
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Draft:
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
    create_time: datetime,
    random_bytes: Callable[[int], bytes],
) -> Draft:
    """Return reply and entry of one answer; `digest` is that of the question's content if it has a request_id."""
    prediction_id = str(uuid.UUID(bytes=random_bytes(_UUID_BYTES), version=4))
    salt = random_bytes(_SALT_BYTES)
    response = score_to_proto(
        resolved.served, answer, resolved.values, prediction_id=prediction_id, create_time=create_time
    )
    personal = _personal_part(question, resolved.values)
    decision = determined_part(resolved.served.bundle, answer)
    decision.MergeFrom(_asked_part(question, resolved.served))
    decision.prediction_id = prediction_id
    decision.create_time.FromDatetime(create_time)
    decision.personal_digest = personal_digest(salt, personal)
    key = answer_key(question)
    kept = Kept(key, digest, lambda receipt: _with_receipt(response, receipt).SerializeToString()) if key else None
    return Draft(response, Entry(decision.SerializeToString(deterministic=True), personal, salt, kept))


def _personal_part(question: Question, values: NDArray[np.float64]) -> bytes:
    applicant = question.subject.applicant
    return prediction_pb2.PersonalPart(
        applicant_id=applicant.applicant_id if isinstance(applicant, StoredApplicant) else "",
        application_number=question.subject.application_number,
        values=values.tolist(),
        request_id=question.request_id,
    ).SerializeToString(deterministic=True)


def _asked_part(question: Question, served: Served) -> prediction_pb2.DecisionPart:
    """Return what was asked, and by what it was answered."""
    return prediction_pb2.DecisionPart(
        layout_version=LAYOUT,
        model_version=served.model_version,
        bundle_digest=served.bundle.digest,
        kernel_id=served.bundle.kernel_id,
        purpose=purpose_to_proto(question.purpose),
        caller=question.caller,
        method=question.method,
        as_of_date=question.subject.as_of_date,
    )


def determined_part(bundle: Bundle, answer: Answer) -> prediction_pb2.DecisionPart:
    """Return the part of an answer that bundle, inputs and wish alone determine: what a replay must find again."""
    explained = answer.wish.detail is not Detail.NONE
    return prediction_pb2.DecisionPart(
        probability=answer.probability,
        margin=answer.margin,
        baseline=answer.baseline,
        threshold=answer.threshold,
        decision=decision_to_proto(answer.decision),
        reason_features=answer.reasons.features,
        reason_contributions=answer.reasons.contributions,
        imputed_features=answer.imputed,
        principal_reason_codes=[feature.reason_code for feature in principal_features(bundle, answer)],
        explain=explain_to_proto(answer.wish),
        max_principal_reasons=answer.wish.principal,
        baseline_probability=answer.in_probability.baseline if explained else None,
        probability_scale=answer.in_probability.scale if explained else None,
    )


def _with_receipt(response: scorer_pb2.ScoreResponse, receipt: Receipt) -> scorer_pb2.ScoreResponse:
    response.receipt.CopyFrom(receipt_to_proto(receipt))
    return response


def receipt_to_proto(receipt: Receipt) -> prediction_pb2.Receipt:
    """Return the receipt as it is sent."""
    return prediction_pb2.Receipt(instance=receipt.instance, sequence=receipt.sequence, hash=receipt.hash)
