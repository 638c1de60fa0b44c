"""The erasure of one person's data over a real channel, by a real process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from deltalake import DeltaTable
from google.protobuf.timestamp_pb2 import Timestamp

from counterfoil.client.errors import CallError, call_error
from counterfoil.client.watching import follow
from counterfoil.monitor.v1 import erasure_pb2, monitor_pb2, prediction_log_pb2, verification_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from counterfoil.types.v1 import job_pb2, prediction_pb2
from services.monitor.settings import Settings
from tests.lending import eventually
from tests.service.monitors import HANGING_JOB, monitor, settings_in
from tests.unit.monitor.models import KnownModels, model_facts
from tests.unit.monitor.segments import Spool
from tests.unit.monitor.traces import PERSON, VALUES, traces

MODELS = KnownModels(model_facts())


class Sender:
    """A spool whose segments go to a monitor."""

    def __init__(self, stub: MonitorServiceStub) -> None:
        self.stub = stub
        self.spool = Spool()
        self.segments: list[prediction_pb2.Segment] = []

    def send(self) -> None:
        """Store a segment of three predictions, the second of which is the person's in the first segment alone."""
        values = VALUES if not self.segments else VALUES + 100
        segment, self.spool = self.spool.seal(values)
        self.stub.IngestPredictions(monitor_pb2.IngestPredictionsRequest(segment=segment))
        self.segments.append(segment)

    def name(self) -> str:
        """Return the name of the person's prediction."""
        part = prediction_pb2.DecisionPart.FromString(self.segments[0].records[1].decision_part)
        return f"{part.model_version}/predictions/{part.prediction_id}"


def asked(person: str = PERSON, **fields: Any) -> erasure_pb2.ErasePersonalDataRequest:
    """Return the request to erase a person, by default with a reason."""
    request = erasure_pb2.ErasePersonalDataRequest(**{"reason": "Article 17", **fields})
    request.subject.applicant_id = person
    return request


def finished(stub: MonitorServiceStub, name: str) -> erasure_pb2.Erasure:
    """Return an erasure once it has succeeded."""
    request = erasure_pb2.WatchErasureRequest(name=name)
    *_, last = follow(lambda: stub.WatchErasure(request, timeout=120), job=lambda each: each.erasure.job)
    assert last.erasure.job.state == job_pb2.JOB_STATE_SUCCEEDED, last
    return last.erasure


def listed(stub: MonitorServiceStub) -> list[prediction_log_pb2.Prediction]:
    """Return the newest predictions."""
    return list(stub.ListPredictions(prediction_log_pb2.ListPredictionsRequest(page_size=1000)).predictions)


def sequences(settings: Settings) -> list[int]:
    """Return the numbers of the ledger's records."""
    found: list[int] = DeltaTable(str(settings.ledger)).to_pyarrow_table(columns=["sequence"])["sequence"].to_pylist()
    return sorted(found)


def refused(call: Any, request: Any) -> CallError:
    """Return what the refusal of a call says."""
    with pytest.raises(grpc.RpcError) as refusal:
        call(request)
    return call_error(refusal.value)


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MonitorServiceStub]:
    """Run a monitor whose log is empty."""
    settings = settings_in(tmp_path_factory.mktemp("monitor"))
    with monitor(settings, models=MODELS, job_command=HANGING_JOB) as running:
        yield running


def test_a_person_is_erased_while_segments_arrive(tmp_path: Path) -> None:
    """Nothing is left in any file, the decision is shown with its proof, and what was acknowledged is all there."""
    settings = settings_in(tmp_path)
    with monitor(settings, models=MODELS, job_command=HANGING_JOB) as stub:
        sender = Sender(stub)
        sender.send()
        eventually(lambda: len(listed(stub)) == 3, timeout_s=60, what="the predictions are listed")
        erasure = stub.ErasePersonalData(asked(reference="case 12"))

        for _ in range(20):
            sender.send()
        done = finished(stub, erasure.name)
        sender.send()

        eventually(lambda: len(listed(stub)) == 66, timeout_s=60, what="what arrived meanwhile is listed")
        *_, proven = stub.VerifyLog(verification_pb2.VerifyLogRequest())
        found = stub.GetPrediction(prediction_log_pb2.GetPredictionRequest(name=sender.name()))

    assert (done.record_count, done.reason, done.reference) == (1, "Article 17", "case 12")
    assert traces(settings.folder) == []
    assert (proven.verdict.intact, proven.verdict.records, proven.verdict.erased_records) == (True, 66, 1)
    assert sequences(settings) == list(range(1, 67))
    assert (found.erased, found.applicant_id, list(found.inputs)) == (True, "", [])
    assert found.proof.hash == sender.segments[0].records[1].hash
    assert found.record.decision_part == sender.segments[0].records[1].decision_part


def test_an_erasure_goes_on_when_the_monitor_is_back(tmp_path: Path) -> None:
    """What was promised to a person is kept, whatever becomes of the process meanwhile."""
    settings = settings_in(tmp_path)
    with monitor(settings, models=MODELS, job_command=HANGING_JOB) as before:
        Sender(before).send()
        name = before.ErasePersonalData(asked()).name

    with monitor(settings, models=MODELS, job_command=HANGING_JOB) as after:
        done = finished(after, name)

    assert done.record_count == 1
    assert traces(settings.folder) == []


def test_an_erasure_that_is_asked_for_twice_is_one(stub: MonitorServiceStub) -> None:
    """By its request_id, whom it is about included; the list finds it by the person, whom it does not name."""
    first = stub.ErasePersonalData(asked(request_id="r-1"))
    again = stub.ErasePersonalData(asked(request_id="r-1"))
    other = refused(stub.ErasePersonalData, asked("applicant-1", request_id="r-1"))

    found, absent = (
        stub.ListErasures(
            erasure_pb2.ListErasuresRequest(subject=erasure_pb2.ErasureSubject(applicant_id=person))
        ).erasures
        for person in (PERSON, "applicant-1")
    )
    done = finished(stub, first.name)

    assert again.name == first.name
    assert (other.code, other.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    assert ([each.name for each in found], list(absent)) == ([first.name], [])
    assert (done.record_count, done.file_count) == (0, 0)
    assert stub.GetErasure(erasure_pb2.GetErasureRequest(name=first.name)) == done


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (erasure_pb2.ErasePersonalDataRequest(reason="x"), "subject"),
        (asked(reason=" "), "reason"),
        (asked(reason="x" * 501), "reason"),
        (asked(reference="x" * 129), "reference"),
        (asked("x" * 129), "subject"),
        (asked(reason=f"{PERSON} asked for it"), "reason"),
        (asked(reference=f"{PERSON}/1"), "reference"),
        (
            erasure_pb2.ErasePersonalDataRequest(
                reason="x", subject=erasure_pb2.ErasureSubject(stored_before=Timestamp(seconds=10**14))
            ),
            "subject.stored_before",
        ),
        (asked(request_id="x" * 129), "request_id"),
    ],
)
def test_an_erasure_without_sense_is_refused_by_its_field(
    stub: MonitorServiceStub, request_: erasure_pb2.ErasePersonalDataRequest, field: str
) -> None:
    """A reason that names the person would keep what it is to erase."""
    error = refused(stub.ErasePersonalData, request_)

    assert error.code == "INVALID_ARGUMENT"
    assert [problem.field for problem in error.fields] == [field]


def test_what_is_no_erasure_is_an_error(stub: MonitorServiceStub) -> None:
    """By its name, and by there being none."""
    misnamed = refused(stub.GetErasure, erasure_pb2.GetErasureRequest(name="er-1"))
    absent = refused(stub.GetErasure, erasure_pb2.GetErasureRequest(name="erasures/er-1"))

    assert (misnamed.code, absent.code) == ("INVALID_ARGUMENT", "NOT_FOUND")
