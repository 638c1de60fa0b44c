"""The audit trail over the wire: what was done, and what was refused, by whom."""

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from counterfoil.trainer.v1 import dataset_pb2, governance_pb2, training_pb2
from tests.service.trainer import Trainer, refusal_of

List = governance_pb2.ListAuditEventsRequest
Verify = governance_pb2.VerifyAuditTrailRequest


def _events(trainer: Trainer, **wanted: object) -> list[governance_pb2.AuditEvent]:
    request = List(**wanted)  # type: ignore[arg-type]  # any part
    return list(trainer.stub.ListAuditEvents(request).audit_events)


def test_the_making_of_a_model_is_on_record(trainer: Trainer, training_job: training_pb2.TrainingJob) -> None:
    """From the data set to the training, with the request_ids that were given."""
    (made,) = _events(trainer, resource=training_job.dataset)
    (trained,) = _events(trainer, resource=training_job.name)

    assert (made.action, made.caller, made.request_id) == ("CreateDataset", "unverified", "the-data-set")
    assert (trained.action, trained.outcome) == ("CreateTrainingJob", governance_pb2.AUDIT_OUTCOME_DONE)
    assert dict(trained.details) == {"dataset": training_job.dataset, "classifier": "lightgbm"}
    assert made.time.ToNanoseconds() <= made.end_time.ToNanoseconds() <= trained.time.ToNanoseconds()


def test_a_refused_promotion_is_on_record(trainer: Trainer, training_job: training_pb2.TrainingJob) -> None:
    """With the reason for it and the reason against it."""
    promote = training_pb2.PromoteModelVersionRequest(
        name=training_job.model_version, etag="old", reason="because", alias="audited"
    )

    with pytest.raises(grpc.RpcError):
        trainer.stub.PromoteModelVersion(promote)

    event = _events(trainer, resource="models/credit-default", action="PromoteModelVersion")[0]
    assert (event.resource, event.reason, dict(event.details)) == (promote.name, "because", {"alias": "audited"})
    assert (event.outcome, event.error_reason) == (governance_pb2.AUDIT_OUTCOME_REFUSED, "ETAG_MISMATCH")


def test_a_trail_is_read_page_by_page(trainer: Trainer, dataset: dataset_pb2.Dataset) -> None:
    """Newest first, each event once."""
    for _ in range(2):
        trainer.stub.CancelDataset(dataset_pb2.CancelDatasetRequest(name=dataset.name))

    whole = _events(trainer, action="CancelDataset")
    first = trainer.stub.ListAuditEvents(List(action="CancelDataset", page_size=1))
    rest = trainer.stub.ListAuditEvents(List(action="CancelDataset", page_token=first.next_page_token))

    assert len(whole) >= 2
    assert [*first.audit_events, *rest.audit_events] == whole
    assert [event.sequence for event in whole] == sorted((event.sequence for event in whole), reverse=True)


@pytest.mark.usefixtures("dataset")
def test_the_trail_is_intact_and_stays_so(trainer: Trainer) -> None:
    """The head of one check is found again by the next."""
    before = trainer.stub.VerifyAuditTrail(Verify())
    with pytest.raises(grpc.RpcError):
        trainer.stub.CancelDataset(dataset_pb2.CancelDatasetRequest(name="datasets/nobody"))

    after = trainer.stub.VerifyAuditTrail(Verify(known_sequence=before.head_sequence, known_hash=before.head_hash))

    assert before.intact
    assert after.intact
    assert after.head_sequence == before.head_sequence + 2


@pytest.mark.usefixtures("dataset")
def test_a_head_of_another_trail_is_not_found(trainer: Trainer) -> None:
    """That is an answer, not an error."""
    report = trainer.stub.VerifyAuditTrail(Verify(known_sequence=1, known_hash="0" * 64))

    assert (report.intact, report.broken_sequence) == (False, 1)
    assert report.problem


@pytest.mark.parametrize(
    ("method", "request_", "field"),
    [
        ("ListAuditEvents", List(page_size=1001), "page_size"),
        ("ListAuditEvents", List(page_token="%"), "page_token"),  # noqa: S106  a page's
        ("ListAuditEvents", List(action="GetDataset"), "action"),
        ("ListAuditEvents", List(start_time=Timestamp(seconds=10**15)), "start_time"),
        ("VerifyAuditTrail", Verify(known_sequence=3), "known_hash"),
        ("VerifyAuditTrail", Verify(known_hash="0" * 64), "known_sequence"),
    ],
)
def test_a_question_that_cannot_be_answered_names_its_field(
    trainer: Trainer, method: str, request_: object, field: str
) -> None:
    """Nothing is guessed."""
    with pytest.raises(grpc.RpcError) as refusal:
        getattr(trainer.stub, method)(request_)

    said = refusal_of(refusal.value)
    assert (said.code, [problem.field for problem in said.fields]) == ("INVALID_ARGUMENT", [field])
