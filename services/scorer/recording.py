"""What a call determines of an answer's reply and record, as bytes."""

from datetime import datetime
from functools import lru_cache
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import prediction_pb2
from services.scorer.adapters.spool import AnswerKey, Receipt
from services.scorer.domain.requests import Purpose, Question, StoredApplicant
from services.scorer.domain.serving import Served
from services.scorer.messages import detail_to_proto, explain_to_proto, purpose_to_proto
from services.scorer.rendering.writing import Frame, Occasion
from shared.prediction_record.chain import HASH_BYTES
from shared.wire import field_head, varint

LAYOUT: Final = 1
_KINDS: Final = 1024
_HASH_HEAD: Final = field_head(prediction_pb2.Receipt.HASH_FIELD_NUMBER, HASH_BYTES)


def occasion_of(served: Served, create_time: datetime) -> Occasion:
    """Return what is the same in all answers of the bundle at that time."""
    time = Timestamp()
    time.FromDatetime(create_time)
    return Occasion(
        f"{served.model_version}/predictions/".encode(),
        scorer_pb2.ScoreResponse(model_version=served.model_version, create_time=time).SerializeToString(),
        prediction_pb2.DecisionPart(create_time=time).SerializeToString(),
    )


def frame_of(served: Served, question: Question) -> Frame:
    """Return what the question determines of its reply and record."""
    by = (served.model_version, served.bundle.digest, served.bundle.kernel_id)
    subject = question.subject
    decision = _decision(by, question.purpose, question.caller, question.method, subject.as_of_date)
    reply = b""
    if question.asked is not None:
        decision += prediction_pb2.DecisionPart(explain_asked=detail_to_proto(question.asked)).SerializeToString()
        reply = scorer_pb2.ScoreResponse(explain_given=explain_to_proto(question.wish)).SerializeToString()
    applicant_id = subject.applicant.applicant_id if isinstance(subject.applicant, StoredApplicant) else ""
    if not (applicant_id or subject.application_number or question.request_id):
        return Frame(reply, decision, b"")
    person = prediction_pb2.PersonalPart(
        applicant_id=applicant_id, application_number=subject.application_number, request_id=question.request_id
    )
    return Frame(reply, decision, person.SerializeToString())


@lru_cache(_KINDS)
def _decision(by: tuple[str, str, str], purpose: Purpose, caller: str, method: str, as_of_date: str) -> bytes:
    """Return what is the same in nearly all records: what was asked, and by what it was answered."""
    model_version, bundle_digest, kernel_id = by
    return prediction_pb2.DecisionPart(
        layout_version=LAYOUT,
        model_version=model_version,
        bundle_digest=bundle_digest,
        kernel_id=kernel_id,
        purpose=purpose_to_proto(purpose),
        caller=caller,
        method=method,
        as_of_date=as_of_date,
    ).SerializeToString(deterministic=True)


def answer_key(question: Question) -> AnswerKey | None:
    """Return what makes the question idempotent, None if its caller gave no request_id."""
    if not question.request_id:
        return None
    return AnswerKey(question.caller, question.method, question.request_id, question.row)


def receipt_to_proto(receipt: Receipt) -> prediction_pb2.Receipt:
    """Return the receipt as it is sent."""
    return prediction_pb2.Receipt(instance=receipt.instance, sequence=receipt.sequence, hash=receipt.hash)


def receipt_field(receipt: Receipt) -> bytes:
    """Return the field of ScoreResponse that holds the receipt, serialised: a third of the time that protobuf takes."""
    sequence = varint(receipt.sequence)
    return _receipt_head(receipt.instance, len(sequence)) + sequence + _HASH_HEAD + receipt.hash


@lru_cache
def _receipt_head(instance: str, sequence_bytes: int) -> bytes:
    """Return how the field begins, up to a sequence that takes so many bytes."""
    some = prediction_pb2.Receipt(instance=instance, sequence=(1 << 7 * sequence_bytes) - 1, hash=bytes(HASH_BYTES))
    tail = sequence_bytes + len(_HASH_HEAD) + HASH_BYTES
    return scorer_pb2.ScoreResponse(receipt=some).SerializeToString()[:-tail]
