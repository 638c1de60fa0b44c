"""RecordOutcomes and ListOutcomes over a real channel: late labels find their decisions."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from google.rpc import code_pb2, error_details_pb2, status_pb2

from counterfoil.client.errors import call_error
from counterfoil.monitor.v1 import monitor_pb2, outcome_pb2, prediction_log_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from counterfoil.types.v1 import prediction_pb2
from tests.service.monitors import HANGING_JOB, TEST, monitor, settings_in
from tests.unit.monitor.models import MODEL_VERSION, KnownModels, model_facts
from tests.unit.monitor.segments import NOW, Spool, seeded_values


@dataclass(frozen=True)
class Lender:
    """Who reports outcomes of three decisions and a test; `names` are the predictions'."""

    stub: MonitorServiceStub
    names: list[str]

    def record(self, *outcomes: outcome_pb2.OutcomeReport) -> outcome_pb2.RecordOutcomesResponse:
        """Report outcomes."""
        return self.stub.RecordOutcomes(outcome_pb2.RecordOutcomesRequest(outcomes=outcomes))

    def history(self, name: str) -> list[outcome_pb2.Outcome]:
        """Return the outcomes of a prediction."""
        return list(self.stub.ListOutcomes(outcome_pb2.ListOutcomesRequest(prediction=name)).outcomes)


@pytest.fixture
def lender(tmp_path: Path) -> Iterator[Lender]:
    """Run a monitor whose log has the predictions."""
    with monitor(settings_in(tmp_path), models=KnownModels(model_facts()), job_command=HANGING_JOB) as stub:
        purposes = [prediction_pb2.PURPOSE_DECISION] * 3 + [TEST]
        segment, _ = Spool().seal(seeded_values(4), purposes=purposes)
        stub.IngestPredictions(monitor_pb2.IngestPredictionsRequest(segment=segment))
        parts = [prediction_pb2.DecisionPart.FromString(record.decision_part) for record in segment.records]
        yield Lender(stub, [f"{MODEL_VERSION}/predictions/{part.prediction_id}" for part in parts])


def named(prediction: str, *, defaulted: bool = True, days: int = 90) -> outcome_pb2.OutcomeReport:
    """Return a report about a prediction by its name."""
    report = outcome_pb2.OutcomeReport(prediction=prediction, defaulted=defaulted)
    report.observation_time.FromDatetime(NOW + dt.timedelta(days=days))
    return report


def keyed(applicant: int, date: str = f"{NOW:%Y-%m-%d}") -> outcome_pb2.OutcomeReport:
    """Return a report about an applicant's decision."""
    report = named("")
    report.key.applicant_id, report.key.date = f"applicant-{applicant}", date
    return report


def problem(result: outcome_pb2.OutcomeResult) -> tuple[int, str, str]:
    """Return code, reason and message of a row that was refused."""
    status: status_pb2.Status = result.status
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return status.code, info.reason, status.message


def test_labels_are_stored_by_name_and_by_applicant(lender: Lender) -> None:
    """Right after the decision was acknowledged; both ways lead to the same prediction."""
    response = lender.record(named(lender.names[0]), keyed(2))
    again = lender.record(keyed(1), named(lender.names[1]))

    assert [each.recorded.prediction for each in response.results] == lender.names[:2]
    assert all(each.recorded.counts for each in response.results)
    assert (response.stored_count, response.already_stored_count, response.refused_count) == (2, 0, 0)
    assert (again.stored_count, again.already_stored_count) == (0, 2)


def test_a_correction_counts_and_the_history_stays(lender: Lender) -> None:
    """Who recorded it and when is told with it, also by GetPrediction."""
    lender.record(named(lender.names[0]))

    response = lender.record(named(lender.names[0], defaulted=False, days=91))

    assert response.results[0].recorded.counts
    history = lender.history(lender.names[0])
    assert [(each.defaulted, each.counts, each.caller) for each in history] == [
        (False, True, "unverified"),
        (True, False, "unverified"),
    ]
    assert history[0].record_time.ToDatetime(dt.UTC) > NOW
    assert not history[0].HasField("loss_amount")
    found = lender.stub.GetPrediction(prediction_log_pb2.GetPredictionRequest(name=lender.names[0]))
    assert list(found.outcomes) == history
    assert not lender.history(lender.names[2])


def test_each_row_that_is_wrong_is_told_and_the_others_are_stored(lender: Lender) -> None:
    """Row and field are named, with a stable reason."""
    unset = named(lender.names[0])
    unset.ClearField("defaulted")
    timeless = named(lender.names[0])
    timeless.ClearField("observation_time")
    aliased = keyed(1)
    aliased.key.model_version = "models/credit-default/versions/champion"
    strange = named(lender.names[0])
    strange.observation_time.seconds = -(10**15)
    rows = {
        "outcomes[0].prediction": named(f"{MODEL_VERSION}/predictions/absent"),
        "outcomes[1].prediction": named(lender.names[3]),
        "outcomes[2].key": keyed(1, "2026-03-02"),
        "outcomes[3]": outcome_pb2.OutcomeReport(defaulted=True),
        "outcomes[4].defaulted": unset,
        "outcomes[5].observation_time": timeless,
        "outcomes[6].key.date": keyed(1, "1 March"),
        "outcomes[7].key.model_version": aliased,
        "outcomes[8].observation_time": named(lender.names[0], days=100_000),
        "outcomes[9].prediction": named("p-1"),
        "outcomes[10].observation_time": strange,
    }

    response = lender.record(*rows.values(), named(lender.names[2]))

    problems = [problem(each) for each in response.results[:-1]]
    reasons = ["PREDICTION_NOT_FOUND", "NOT_A_DECISION", "PREDICTION_NOT_FOUND", *["INVALID_FIELD"] * 8]
    assert [reason for _, reason, _ in problems] == reasons
    assert all(message.startswith(f"{field}: ") for field, (_, _, message) in zip(rows, problems, strict=True))
    assert problems[0][0] == code_pb2.NOT_FOUND
    assert response.results[-1].recorded.prediction == lender.names[2]
    assert (response.stored_count, response.refused_count) == (1, 11)


@pytest.mark.parametrize("count", [0, 10_001])
def test_a_batch_is_bounded(lender: Lender, count: int) -> None:
    """Nothing of one that is too large is stored."""
    with pytest.raises(grpc.RpcError) as refused:
        lender.record(*[named(lender.names[0])] * count)

    error = call_error(refused.value)
    assert error.reason == "INVALID_FIELD"
    assert [violation.field for violation in error.fields] == ["outcomes"]
    assert not lender.history(lender.names[0])
