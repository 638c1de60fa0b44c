"""GetPrediction, ListPredictions and RecordOverride over a real channel."""

import datetime as dt
import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from counterfoil.client.errors import CallError, call_error
from counterfoil.monitor.v1 import monitor_pb2, prediction_log_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from counterfoil.types.v1 import prediction_pb2
from tests.lending import eventually
from tests.service.monitors import HANGING_JOB, monitor, settings_in
from tests.unit.monitor.chunks import CHUNK_ID, with_chunk
from tests.unit.monitor.models import FEATURES, MODEL_VERSION, KnownModels, model_facts
from tests.unit.monitor.segments import NOW, Spool

DAY = dt.timedelta(days=1)
UNKNOWN = "models/credit-default/versions/9"
VALUES = np.array([[2.0, -1.0, np.nan], [-3.0, 1.0, 0.5], [1.0, 1.0, 1.0], [-1.0, 0.0, -1.0]])
PURPOSES = [1, 1, 2, 1]


def history() -> list[prediction_pb2.Segment]:
    """Return two segments of a known version and one of a version that the monitor does not know."""
    first, spool = Spool().seal(VALUES, purposes=PURPOSES)
    second, spool = spool.seal(VALUES, time=NOW + DAY)
    third, _ = spool.seal(VALUES[:1], model_version=UNKNOWN)
    return [first, second, third]


class Log:
    """A monitor that has taken in some segments, the first of them listed already."""

    def __init__(self, stub: MonitorServiceStub, *segments: prediction_pb2.Segment) -> None:
        self.stub = stub
        self.segments = segments
        for segment in segments:
            stub.IngestPredictions(monitor_pb2.IngestPredictionsRequest(segment=segment))
        known = sum(len(segment.records) for segment in segments[:2])
        eventually(lambda: len(self.list().predictions) >= known, timeout_s=60, what="the predictions are listed")

    def name(self, segment: int, record: int) -> str:
        """Return the name of a record of a segment."""
        part = prediction_pb2.DecisionPart.FromString(self.segments[segment].records[record].decision_part)
        return f"{part.model_version}/predictions/{part.prediction_id}"

    def get(self, name: str) -> prediction_log_pb2.Prediction:
        """Ask for one prediction."""
        return self.stub.GetPrediction(prediction_log_pb2.GetPredictionRequest(name=name))

    def list(self, **fields: Any) -> prediction_log_pb2.ListPredictionsResponse:
        """Ask for a page."""
        return self.stub.ListPredictions(prediction_log_pb2.ListPredictionsRequest(**fields))

    def override(self, name: str, **fields: Any) -> prediction_log_pb2.Override:
        """Record an override, by default an approval with its reason."""
        request = prediction_log_pb2.RecordOverrideRequest(
            prediction=name, decision=prediction_pb2.DECISION_APPROVE, reason_code="INCOME", reason="payslips"
        )
        request.MergeFrom(prediction_log_pb2.RecordOverrideRequest(**fields))
        return self.stub.RecordOverride(request)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """Run a monitor that knows one model and holds some predictions."""
    settings = settings_in(tmp_path_factory.mktemp("monitor"))
    with monitor(settings, models=KnownModels(model_facts()), job_command=HANGING_JOB) as stub:
        yield Log(stub, *history())


def refused(call: Any, *arguments: Any, **fields: Any) -> CallError:
    """Return what the refusal of a call says."""
    with pytest.raises(grpc.RpcError) as refusal:
        call(*arguments, **fields)
    return call_error(refusal.value)


def test_a_prediction_comes_back_with_everything_that_is_stored(log: Log) -> None:
    """Decision, identity, inputs under their names, and the reasons as they were told."""
    found = log.get(log.name(0, 0))

    assert (found.name, found.model_version) == (log.name(0, 0), MODEL_VERSION)
    assert (found.applicant_id, found.application_number) == ("applicant-1", "application-1")
    assert (found.decision, found.effective_decision) == (prediction_pb2.DECISION_REFUSE,) * 2
    assert (found.kernel_id, found.caller, found.method, found.threshold) == ("linear-1", "unverified", "Score", 0.5)
    assert [each.feature for each in found.inputs] == list(FEATURES)
    assert [each.value.number for each in found.inputs[:2]] == [2.0, -1.0]
    assert (found.inputs[2].value.WhichOneof("value"), found.inputs[2].imputed) == ("missing", True)
    assert [(each.feature, each.contribution) for each in found.reasons[:2]] == [
        (FEATURES[0], 1.0),
        (FEATURES[1], -0.5),
    ]
    assert [(each.code, each.text) for each in found.principal_reasons] == [("R0", f"text of {FEATURES[0]}")]
    assert not found.erased
    assert not found.names_missing_reason


@pytest.mark.parametrize(("segment", "record"), [(0, 0), (0, 2), (1, 0), (1, 3)])
def test_a_caller_can_prove_the_record_with_nothing_but_sha_256(log: Log, segment: int, record: int) -> None:
    """The hash follows from what is shown, and is the receipt's; so does the digest of the personal part."""
    found = log.get(log.name(segment, record))

    proof, stored = found.proof, found.record
    digest = hashlib.sha256(stored.decision_part).digest()
    link = hashlib.sha256(proof.previous_hash + proof.sequence.to_bytes(8, "big") + digest).digest()
    assert link == proof.hash == log.segments[segment].records[record].hash
    assert hmac.digest(proof.salt, stored.personal_part, "sha256") == proof.personal_digest
    assert (proof.instance, proof.segment_number) == ("spool-1", segment + 1)
    assert proof.continuity == "CONTINUED"


def test_the_stored_record_comes_back_byte_for_byte(log: Log) -> None:
    """A replay takes it as it is."""
    assert log.get(log.name(1, 2)).record == log.segments[1].records[2]


def test_a_prediction_whose_bundle_cannot_be_had_is_shown_without_names(log: Log) -> None:
    """A version that was deleted must not take the proof of its decisions with it."""
    found = log.get(log.name(2, 0))

    assert found.names_missing_reason == "MODEL_VERSION_NOT_FOUND"
    assert [(each.feature, each.value.number) for each in found.inputs[:1]] == [("", 2.0)]
    assert [(each.code, each.text) for each in found.principal_reasons] == [("R0", "")]
    assert found.proof.hash == log.segments[2].records[0].hash


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        (f"{MODEL_VERSION}/predictions/11111111-1111-4111-8111-111111111111", "NOT_FOUND", "PREDICTION_NOT_FOUND"),
        ("models/credit-default/versions/champion/predictions/1", "INVALID_ARGUMENT", "INVALID_FIELD"),
        ("predictions/1", "INVALID_ARGUMENT", "INVALID_FIELD"),
    ],
)
def test_what_is_no_prediction_is_an_error(log: Log, name: str, code: str, reason: str) -> None:
    """A mistyped name is not an absent record."""
    error = refused(log.get, name)

    assert (error.code, error.reason) == (code, reason)


def test_predictions_are_listed_newest_first_a_page_at_a_time(log: Log) -> None:
    """A token goes on where the page ended, through all days."""
    names, token = [], ""
    while True:
        page = log.list(page_size=3, page_token=token)
        names += [each.name for each in page.predictions]
        token = page.next_page_token
        if not token:
            break

    assert names == [log.name(segment, record) for segment in (1, 0) for record in (3, 2, 1, 0)]


def test_a_row_of_a_list_has_no_inputs(log: Log) -> None:
    """Thousands of rows of hundreds of features would not fit a message."""
    row = log.list(page_size=1).predictions[0]

    assert (row.applicant_id, row.application_number) == ("applicant-8", "application-8")
    assert row.create_time.ToDatetime(dt.UTC) == NOW + DAY + dt.timedelta(seconds=3)
    assert not row.inputs
    assert not row.HasField("record")


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"model_version": MODEL_VERSION, "purposes": [2]}, [(0, 2)]),
        ({"applicant_id": "applicant-6"}, [(1, 1)]),
        ({"application_number": "application-1"}, [(0, 0)]),
        ({"decisions": [1]}, [(1, 3), (1, 1), (0, 3), (0, 1)]),
        ({"start_time": NOW + DAY + dt.timedelta(seconds=2)}, [(1, 3), (1, 2)]),
        ({"end_time": NOW + dt.timedelta(seconds=1)}, [(0, 0)]),
        ({"model_version": UNKNOWN}, []),
        (
            {"model_version": MODEL_VERSION, "window": {"last_count": 2, "end_time": NOW + dt.timedelta(hours=1)}},
            [(0, 3), (0, 1)],
        ),
        ({"model_version": MODEL_VERSION, "window": {}, "decisions": [2], "page_size": 2}, [(1, 2), (1, 0)]),
    ],
)
def test_a_list_is_narrowed_by_what_is_set(log: Log, fields: dict[str, Any], wanted: list[tuple[int, int]]) -> None:
    """Each alone, and together; a window is the one that a drift report looks at."""
    page = log.list(**fields)

    assert [each.name for each in page.predictions] == [log.name(*each) for each in wanted]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"model_version": "models/credit-default/versions/champion"}, "model_version"),
        ({"window": {}}, "model_version"),
        ({"model_version": MODEL_VERSION, "window": {}, "purposes": [2]}, "purposes"),
        ({"model_version": MODEL_VERSION, "window": {"last_count": -1}}, "window.last_count"),
        ({"decisions": [0]}, "decisions[0]"),
        ({"purposes": [1, 77]}, "purposes[1]"),
        ({"applicant_id": "x" * 129}, "applicant_id"),
        ({"page_token": "bm8"}, "page_token"),
        ({"page_size": -1}, "page_size"),
    ],
)
def test_a_list_that_cannot_be_is_refused_by_its_field(log: Log, fields: dict[str, Any], field: str) -> None:
    """Nothing is guessed."""
    error = refused(log.list, **fields)

    assert error.code == "INVALID_ARGUMENT"
    assert [problem.field for problem in error.fields] == [field]


def test_a_token_of_another_list_is_refused(log: Log) -> None:
    """Its place is one among other rows."""
    token = log.list(page_size=1).next_page_token

    error = refused(log.list, page_token=token, applicant_id="applicant-1")

    assert [problem.field for problem in error.fields] == ["page_token"]


def test_an_override_is_shown_beside_what_the_model_decided(log: Log) -> None:
    """Who, when and why; the last of several counts, in the list as well."""
    name = log.name(0, 0)
    first = log.override(name, officer="officer 7", request_id="r-1")
    repeated = log.override(name, officer="officer 7", request_id="r-1")
    log.override(name, decision=prediction_pb2.DECISION_REFER)

    found = log.get(name)
    (row,) = log.list(applicant_id="applicant-1").predictions

    assert repeated == first
    assert (found.decision, found.effective_decision) == (prediction_pb2.DECISION_REFUSE, prediction_pb2.DECISION_REFER)
    assert [(each.number, each.officer, each.caller) for each in found.overrides] == [
        (1, "officer 7", "unverified"),
        (2, "", "unverified"),
    ]
    assert (found.overrides[0].reason_code, found.overrides[0].reason) == ("INCOME", "payslips")
    assert (row.effective_decision, [each.number for each in row.overrides]) == (prediction_pb2.DECISION_REFER, [2])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"decision": 9}, "decision"),
        ({"reason": "x" * 1001}, "reason"),
        ({"reason_code": "x" * 65}, "reason_code"),
        ({"officer": "x" * 129}, "officer"),
        ({"request_id": "x" * 129}, "request_id"),
    ],
)
def test_an_override_without_sense_is_refused_by_its_field(log: Log, fields: dict[str, Any], field: str) -> None:
    """It would prove nothing."""
    error = refused(log.override, log.name(0, 0), **fields)

    assert error.code == "INVALID_ARGUMENT"
    assert [problem.field for problem in error.fields] == [field]


def test_an_override_must_have_a_reason(log: Log) -> None:
    """Code and words, both."""
    request = prediction_log_pb2.RecordOverrideRequest(
        prediction=log.name(0, 0), decision=prediction_pb2.DECISION_APPROVE, reason=" "
    )

    error = refused(log.stub.RecordOverride, request)

    assert [problem.field for problem in error.fields] == ["reason_code", "reason"]


def test_what_was_no_decision_cannot_be_overridden(log: Log) -> None:
    """Nobody was told a test's answer; and nobody decided on what is not there."""
    test = refused(log.override, log.name(0, 2))
    absent = refused(log.override, f"{MODEL_VERSION}/predictions/0")

    assert (test.code, test.reason) == ("FAILED_PRECONDITION", "NOT_A_DECISION")
    assert (absent.code, absent.reason) == ("NOT_FOUND", "PREDICTION_NOT_FOUND")


def test_the_rows_of_a_chunk_are_predictions_of_their_own(tmp_path: Path) -> None:
    """Named by their place in it; listed, shown and overridden like any other, with the chunk's proof."""
    values = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, 6.0]])
    sealed = Spool().seal(VALUES[:2])[0]
    segment = with_chunk(sealed, values=values, answered=[0, 2], rows=3, ids=["a", "b"])
    chunk = f"{MODEL_VERSION}/predictions/{CHUNK_ID}"
    with monitor(settings_in(tmp_path), models=KnownModels(model_facts()), job_command=HANGING_JOB) as stub:
        log = Log(stub, segment)
        listed = [each for size in (1, 2) for each in log.list(page_size=size).predictions]
        row, whole = log.get(f"{chunk}.2"), log.get(chunk)
        log.override(f"{chunk}.2")
        absent = [refused(log.get, name) for name in (f"{chunk}.1", f"{chunk}.3", f"{log.name(0, 0)}.0")]

    assert [each.name for each in listed] == [f"{chunk}.2", f"{chunk}.2", f"{chunk}.0"]
    assert (row.applicant_id, row.margin, row.decision) == ("b", 0.0, prediction_pb2.DECISION_REFUSE)
    assert [(each.feature, each.value.number) for each in row.inputs] == list(zip(FEATURES, [4, 5, 6], strict=True))
    assert row.record == whole.record == segment.records[1]
    assert (whole.decision, len(whole.inputs)) == (prediction_pb2.DECISION_UNSPECIFIED, 0)
    assert [error.reason for error in absent] == ["PREDICTION_NOT_FOUND"] * 3


def test_overrides_outlive_the_monitor(tmp_path: Path) -> None:
    """They lie in its database."""
    settings, models = settings_in(tmp_path), KnownModels(model_facts())
    with monitor(settings, models=models, job_command=HANGING_JOB) as stub:
        before = Log(stub, *history())
        before.override(before.name(0, 0))

    with monitor(settings, models=models, job_command=HANGING_JOB) as stub:
        found = stub.GetPrediction(prediction_log_pb2.GetPredictionRequest(name=before.name(0, 0)))

    assert found.effective_decision == prediction_pb2.DECISION_APPROVE
