"""Failures in the spool: told one by one up to a bound, and never in the way of answers."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import failure_pb2, prediction_pb2
from services.scorer.adapters.spool import Spool
from services.scorer.failures import MOST_TOLD, Failures, FailureSpool
from services.scorer.metrics import Meter
from services.scorer.replaying import Replayer
from shared.bundle.reading import Bundle
from shared.errors import InvalidInput, Precondition, Unavailable
from shared.prediction_record.chain import verify_segment
from shared.rpc.boundary import FailedRpc, FinishedRpc
from tests.adapters.spools import entry
from tests.clock import Clock

VERSION = "models/credit-default/versions/3"
SCORE = "/counterfoil.scorer.v1.ScorerService/Score"
REQUEST = scorer_pb2.ScoreRequest(request_id="r-1")


@pytest.fixture
def figures() -> CollectorRegistry:
    """Return the registry of the figures."""
    return CollectorRegistry()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """Give an open spool of a MiB."""
    spool = Spool(tmp_path / "spool", clock=Clock(), max_bytes=1 << 20)
    yield spool
    spool.close()


def failures(spool: FailureSpool, figures: CollectorRegistry) -> Failures:
    """Return failures that are recorded at `stop` alone."""
    return Failures(spool, Meter(figures), clock=Clock(), serving=lambda: VERSION)


def failed(reason: str = "FEATURES_INVALID", method: str = SCORE, fields: tuple[str, ...] = ()) -> FailedRpc:
    """Return a call that failed."""
    return FailedRpc(FinishedRpc(method, "r-1", "", "INVALID_ARGUMENT", reason, 1.0, "CN=bank"), fields, REQUEST)


def stored(spool: Spool) -> list[prediction_pb2.PredictionRecord]:
    """Return what is in the spool, verified."""
    segment = spool.seal(1 << 30)
    if segment is None:
        return []
    verify_segment(segment)
    return list(segment.records)


def test_a_failure_is_a_record_with_its_reason_and_no_decision(spool: Spool, figures: CollectorRegistry) -> None:
    """What was sent stands in the part that can be erased: as a digest, and by the fields' names."""
    taking = failures(spool, figures)

    taking.failed(failed(fields=("subject.as_of_date", 'subject.features["x"]')))
    taking.stop()

    (record,) = stored(spool)
    decision = prediction_pb2.DecisionPart.FromString(record.decision_part)
    personal = prediction_pb2.PersonalPart.FromString(record.personal_part)
    (call,) = decision.failures.calls
    assert (decision.layout_version, decision.decision, decision.purpose, decision.probability) == (3, 0, 0, 0.0)
    assert (call.method, call.caller, call.code, call.reason, call.count) == (
        *("Score", "CN=bank", "INVALID_ARGUMENT", "FEATURES_INVALID"),
        1,
    )
    assert (call.model_version, call.HasField("row")) == (VERSION, False)
    assert list(personal.failed_requests) == [
        failure_pb2.FailedRequest(
            request_id="r-1",
            digest=hashlib.sha256(REQUEST.SerializeToString(deterministic=True)).digest(),
            fields=["subject.as_of_date", 'subject.features["x"]'],
        )
    ]
    assert figures.get_sample_value("counterfoil_scorer_failures_recorded_total") == 1


def test_a_flood_is_one_record_that_counts_all_of_it(spool: Spool, figures: CollectorRegistry) -> None:
    """The first hundred are told one by one, the rest by reason."""
    taking = failures(spool, figures)

    for number in range(MOST_TOLD + 1000):
        taking.failed(failed("OVERLOADED" if number % 2 else "FEATURES_INVALID"))
    taking.stop()

    (record,) = stored(spool)
    calls = prediction_pb2.DecisionPart.FromString(record.decision_part).failures.calls
    assert [call.count for call in calls[:MOST_TOLD]] == [1] * MOST_TOLD
    assert {call.reason: call.count for call in calls[MOST_TOLD:]} == {"OVERLOADED": 500, "FEATURES_INVALID": 500}
    assert len(record.decision_part) + len(record.personal_part) < 64 << 10


def test_chunks_of_refused_rows_are_one_record_that_counts_each_of_them(
    spool: Spool, figures: CollectorRegistry
) -> None:
    """The first hundred rows are told one by one, of a stream that has any number; those of later chunks by reason."""
    taking, first, step = failures(spool, figures), (1 << 32) - 1, 1000
    refused = {row: InvalidInput.of(f"rows[{row}]", "is bad", reason=f"R{row % 2}") for row in range(step)}

    for chunk in range(3):
        rows = {first + chunk * step + row: error for row, error in refused.items()}
        taking.chunk_rows_failed("StreamScore", "CN=bank", rows)
    taking.stop()

    (record,) = stored(spool)
    calls = prediction_pb2.DecisionPart.FromString(record.decision_part).failures.calls
    assert [(call.row, call.count) for call in calls[:MOST_TOLD]] == [(first + n, 1) for n in range(MOST_TOLD)]
    assert {(call.reason, call.code, call.HasField("row")): call.count for call in calls[MOST_TOLD:]} == {
        ("R0", "INVALID_ARGUMENT", False): 1450,
        ("R1", "INVALID_ARGUMENT", False): 1450,
    }
    assert figures.get_sample_value("counterfoil_scorer_failures_recorded_total") == 3000


def test_what_is_not_about_an_applicant_is_no_record(spool: Spool, figures: CollectorRegistry) -> None:
    """A reload that failed decides nothing; and where nothing failed there is nothing to write."""
    taking = failures(spool, figures)

    taking.failed(failed(method="/counterfoil.scorer.v1.ScorerService/ReloadModel"))
    taking.stop()

    assert stored(spool) == []


def test_a_spool_that_is_half_full_is_left_to_answers(spool: Spool, figures: CollectorRegistry) -> None:
    """The failure is counted as lost, and an answer still fits."""
    while spool.depth().used < 0.5:
        spool.append([entry(1, size=50_000)])
    before = spool.depth().records
    taking = failures(spool, figures)

    taking.failed(failed())
    taking.stop()

    assert spool.depth().records == before
    assert figures.get_sample_value("counterfoil_scorer_failures_lost_total") == 1
    assert spool.append([entry(2)])


def test_there_is_nothing_to_replay_of_a_failure(spool: Spool, figures: CollectorRegistry) -> None:
    """The error says so, instead of calling the record one of a newer scorer."""
    taking = failures(spool, figures)
    taking.failed(failed())
    taking.stop()
    (record,) = stored(spool)

    def find_bundle(_version: str, _digest: str) -> Bundle:
        raise AssertionError

    with pytest.raises(Precondition) as refused:
        Replayer(find_bundle).replay(record, b"")

    assert refused.value.reason == "NOT_AN_ANSWER"


def test_a_broken_spool_ends_nothing(spool: Spool, figures: CollectorRegistry) -> None:
    """What cannot be written is counted as lost, and the next second is tried anew."""
    spool.close()
    taking = failures(spool, figures)
    taking.start()

    for _ in range(2):
        taking.failed(failed())
    taking.stop()

    with pytest.raises(Unavailable):
        spool.depth()
    assert figures.get_sample_value("counterfoil_scorer_failures_lost_total") == 2
