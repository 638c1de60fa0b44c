"""Messages about erasures to the domain's words and back."""

import re

from counterfoil.monitor.v1 import erasure_pb2
from services.monitor.domain.erasure import ErasureWish, Subject
from services.monitor.erasures import Erasure
from shared.errors import InvalidInput
from shared.rpc.jobs import job_to_proto
from shared.rpc.times import moment_of

_NAME = re.compile(r"erasures/([a-z0-9-]{1,64})")


def erasure_id_from_proto(name: str) -> str:
    """Return the id in erasures/{id}; raises InvalidInput for another name."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise InvalidInput.of("name", "is not of the form erasures/{id}")
    return match[1]


def subject_from_proto(message: erasure_pb2.ErasureSubject) -> Subject:
    """Return the subject, which may be nobody; raises InvalidInput for a time that is none."""
    before = None
    if message.HasField("stored_before"):
        before = moment_of(message.stored_before, "subject.stored_before")
    return Subject(message.applicant_id, message.application_number, before)


def wish_from_proto(request: erasure_pb2.ErasePersonalDataRequest) -> ErasureWish:
    """Return what is asked for; raises InvalidInput for what lacks or is too long."""
    return ErasureWish(subject_from_proto(request.subject), request.reason, request.reference).checked()


def erasure_to_proto(erasure: Erasure) -> erasure_pb2.Erasure:
    """Return the erasure; its figures are zero until its job has succeeded."""
    message = erasure_pb2.Erasure(
        name=f"erasures/{erasure.job.id}",
        job=job_to_proto(erasure.job),
        reason=erasure.request.reason,
        reference=erasure.request.reference,
    )
    if erasure.result is not None:
        message.record_count = erasure.result.records
        message.projected_row_count = erasure.result.projected_rows
        message.file_count = erasure.result.files
    return message
