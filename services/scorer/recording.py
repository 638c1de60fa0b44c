"""An answer as the prediction log keeps it: the part that proves the decision, and the part that is about a person."""

from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import prediction_pb2
from services.scorer.adapters.spool import AnswerKey, Entry, Kept, Receipt
from services.scorer.answering import Answered, Asked
from services.scorer.domain.reasons import Detail
from services.scorer.domain.requests import Purpose, Question, StoredApplicant
from services.scorer.domain.serving import Served
from services.scorer.messages import detail_to_proto, purpose_to_proto
from shared.prediction_record.chain import HASH_BYTES, personal_digest
from shared.rpc.encoded import Encoded
from shared.wire import raw_form

LAYOUT: Final = 1
_UUID_BYTES: Final = 16
_CALLERS: Final = 1024
RANDOM_BYTES: Final = _UUID_BYTES + 16
_RawPersonal: Final = raw_form(prediction_pb2.PersonalPart, "values")
_SOME_ID: Final = "0" * 36
# Serialised messages one after the other are one message. What is the same in all is serialised once, up to where the
# rest begins.
_ID_HEAD: Final = prediction_pb2.DecisionPart(prediction_id=_SOME_ID).SerializeToString()[: -len(_SOME_ID)]
_DIGEST_HEAD: Final = prediction_pb2.DecisionPart(personal_digest=bytes(HASH_BYTES)).SerializeToString()[:-HASH_BYTES]


class Draft(NamedTuple):
    """A reply that lacks only its receipt, and the entry that must be in the spool before it goes out."""

    reply: Encoded
    entry: Entry

    def with_receipt(self, receipt: Receipt) -> Encoded:
        """Return the reply with its receipt."""
        return Encoded(self.reply.content + _receipt(receipt), self.reply.model_version)


class Drafting:
    """Makes reply and entry of answers that one bundle gives at one time."""

    def __init__(self, served: Served, create_time: datetime) -> None:
        self._model_version = served.model_version
        self._by = (served.model_version, served.bundle.digest, served.bundle.kernel_id)
        time = Timestamp()
        time.FromDatetime(create_time)
        self._name_head = _name_head(served.model_version)
        alike = scorer_pb2.ScoreResponse(model_version=served.model_version, create_time=time)
        self._reply_alike = alike.SerializeToString()
        self._time = prediction_pb2.DecisionPart(create_time=time).SerializeToString()

    def draft(self, asked: Asked, answered: Answered, randomness: bytes) -> Draft:
        """Return reply and entry of one answer. The random bytes, RANDOM_BYTES of them, become identifier and salt."""
        question, parts = asked.question, answered.parts
        prediction_id, salt = _uuid(randomness[:_UUID_BYTES]).encode(), randomness[_UUID_BYTES:]
        personal = _personal_part(question, answered.values)
        alike = _alike(self._by, question.purpose, question.caller, question.method)
        digested = _DIGEST_HEAD + personal_digest(salt, personal)
        rest = _as_of(question)
        content = b"".join((self._name_head, prediction_id, self._reply_alike, parts.response))
        if question.asked is not None:
            rest += _asked_more(question.asked)
            content += _given_less(question.wish.detail)
        decision = b"".join((alike, _ID_HEAD, prediction_id, self._time, parts.decision, digested, rest))
        kept = None
        if asked.key is not None:
            kept = Kept(asked.key, asked.digest, lambda receipt: content + _receipt(receipt))
        return Draft(Encoded(content, self._model_version), Entry(decision, personal, salt, kept))


def answer_key(question: Question) -> AnswerKey | None:
    """Return what makes the question idempotent, None if its caller gave no request_id."""
    if not question.request_id:
        return None
    return AnswerKey(question.caller, question.method, question.request_id, question.row)


def _uuid(randomness: bytes) -> str:
    """Return a UUID of version 4 in its 36 characters; the class of the standard library takes four times as long."""
    digits = randomness.hex()
    variant = "89ab"[randomness[8] & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _personal_part(question: Question, values: bytes) -> bytes:
    applicant, application_number = question.subject.applicant, question.subject.application_number
    applicant_id = applicant.applicant_id if isinstance(applicant, StoredApplicant) else ""
    numbers = _values_head(len(values)) + values
    if not (applicant_id or application_number or question.request_id):
        return numbers
    names = prediction_pb2.PersonalPart(
        applicant_id=applicant_id, application_number=application_number, request_id=question.request_id
    )
    return names.SerializeToString() + numbers


@lru_cache
def _values_head(n_bytes: int) -> bytes:
    """Return what stands before so many bytes of inputs."""
    return bytes(_RawPersonal(values=bytes(n_bytes)).SerializeToString()[:-n_bytes])


@lru_cache
def _name_head(model_version: str) -> bytes:
    """Return how the reply about any prediction begins, up to the prediction's identifier."""
    name = f"{model_version}/predictions/{_SOME_ID}"
    return scorer_pb2.ScoreResponse(prediction=name).SerializeToString()[: -len(_SOME_ID)]


@lru_cache(_CALLERS)
def _alike(by: tuple[str, str, str], purpose: Purpose, caller: str, method: str) -> bytes:
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
    ).SerializeToString(deterministic=True)


def _as_of(question: Question) -> bytes:
    if not question.subject.as_of_date:
        return b""
    return prediction_pb2.DecisionPart(as_of_date=question.subject.as_of_date).SerializeToString()


def _asked_more(detail: Detail) -> bytes:
    """Return the field of a record that says which detail was asked for where less was sent."""
    return prediction_pb2.DecisionPart(explain_asked=detail_to_proto(detail)).SerializeToString()


def _given_less(detail: Detail) -> bytes:
    """Return the field of a reply that says which detail it has where more was asked for."""
    return scorer_pb2.ScoreResponse(explain_given=detail_to_proto(detail)).SerializeToString()


def receipt_to_proto(receipt: Receipt) -> prediction_pb2.Receipt:
    """Return the receipt as it is sent."""
    return prediction_pb2.Receipt(instance=receipt.instance, sequence=receipt.sequence, hash=receipt.hash)


def _receipt(receipt: Receipt) -> bytes:
    """Return the field of a reply that holds its receipt."""
    response = scorer_pb2.ScoreResponse()
    message = response.receipt
    message.instance, message.sequence, message.hash = receipt
    return response.SerializeToString()
