"""A request_id makes a call idempotent for 24 hours: the same bytes again, one record, and never another's answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from counterfoil.client.errors import status_error
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import prediction_pb2
from tests.bundles import TinyBundle, tiny_bundle
from tests.clock import Clock
from tests.fakes import FakeMonitor, FakeRegistry, monitor_server
from tests.service.scoring import Scorer, ask, at_once, dense, failure, scorer

PURPOSE = prediction_pb2.PURPOSE_DECISION


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return the bundle that serves in this module."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=2)


@dataclass
class Office:
    """A scorer with its clock, its registry and the monitor that it ships to."""

    scorer: Scorer
    clock: Clock
    registry: FakeRegistry
    monitor: FakeMonitor


@pytest.fixture
def office(bundle: TinyBundle, tmp_path: Path) -> Iterator[Office]:
    """Give a running office."""
    registry, monitor, clock = FakeRegistry(), FakeMonitor(), Clock()
    registry.register(bundle, alias="champion")
    with monitor_server(monitor) as address, scorer(tmp_path, registry, monitor_address=address, clock=clock) as it:
        yield Office(it, clock, registry, monitor)


def test_the_same_request_gets_the_same_bytes(office: Office, bundle: TinyBundle) -> None:
    """Prediction, time and receipt included, also after the record was shipped and deleted from the spool."""
    request = ask(bundle.applicant_ids[0], request_id="r-1")

    first = office.scorer.stub.Score(request).SerializeToString()
    office.monitor.wait_for_records(1)
    again = office.scorer.stub.Score(request).SerializeToString()

    assert again == first
    assert len(office.monitor.records) == 1


def test_other_content_under_a_used_id_is_refused(office: Office, bundle: TinyBundle) -> None:
    """ALREADY_EXISTS, whichever part of the content is another."""
    stub = office.scorer.stub
    stub.Score(ask(bundle.applicant_ids[0], request_id="r-1"))
    others = [
        ask(bundle.applicant_ids[1], request_id="r-1"),
        ask(bundle.applicant_ids[0], request_id="r-1", purpose=prediction_pb2.PURPOSE_TEST),
        ask("no such applicant", request_id="r-1"),
    ]
    others[1].subject.application_number = ""
    dated = ask(bundle.applicant_ids[0], request_id="r-1")
    dated.subject.as_of_date = "2026-03-01"

    errors = [failure(lambda other=other: stub.Score(other)) for other in [*others, dated]]  # type: ignore[misc]

    assert {(error.code, error.reason) for error in errors} == {("ALREADY_EXISTS", "REQUEST_ID_REUSED")}


def test_a_vector_is_compared_by_its_schema_and_values(office: Office) -> None:
    """The same vector is the same question, one of another value is not."""
    stub = office.scorer.stub
    first, again, other = dense([0.0] * 6), dense([0.0] * 6), dense([1.0] + [0.0] * 5)
    for request in (first, again, other):
        request.request_id = "r-1"

    answers = [stub.Score(request) for request in (first, again)]
    error = failure(lambda: stub.Score(other))

    assert answers[0] == answers[1]
    assert error.reason == "REQUEST_ID_REUSED"


def test_the_order_of_a_map_does_not_matter(office: Office, bundle: TinyBundle) -> None:
    """Equal maps serialise differently in different processes; what was parsed is compared."""
    applicant = office.scorer.stub.GetApplicant(
        scorer_pb2.GetApplicantRequest(name=f"applicants/{bundle.applicant_ids[0]}")
    )
    given = applicant.features.features
    forwards, backwards = (ask(features={}, request_id="r-1") for _ in range(2))
    for request, names in ((forwards, sorted(given)), (backwards, sorted(given, reverse=True))):
        for name in names:
            request.subject.features.features[name].CopyFrom(given[name])

    first = office.scorer.stub.Score(forwards)
    second = office.scorer.stub.Score(backwards)

    assert first == second


def test_without_an_id_every_call_is_a_new_prediction(office: Office, bundle: TinyBundle) -> None:
    """Two calls, two records."""
    first, second = (office.scorer.stub.Score(ask(bundle.applicant_ids[0])) for _ in range(2))

    assert first.prediction != second.prediction
    assert (first.receipt.sequence, second.receipt.sequence) == (1, 2)


def test_an_id_is_free_again_after_24_hours(office: Office, bundle: TinyBundle) -> None:
    """One second before, it still answers as stored; then it may stand for something else."""
    stub, clock = office.scorer.stub, office.clock
    first = stub.Score(ask(bundle.applicant_ids[0], request_id="r-1"))

    clock.move(timedelta(hours=24, seconds=-1))
    stored = stub.Score(ask(bundle.applicant_ids[0], request_id="r-1"))
    clock.move(timedelta(seconds=1))
    other = stub.Score(ask(bundle.applicant_ids[1], request_id="r-1"))

    assert stored == first
    assert other.prediction != first.prediction


def test_a_used_id_is_free_for_another_method(office: Office, bundle: TinyBundle) -> None:
    """Ids count per caller and method: Score's do not stop BatchScore."""
    subject = scorer_pb2.Subject(applicant_id=bundle.applicant_ids[1])
    office.scorer.stub.Score(ask(bundle.applicant_ids[0], request_id="r-1"))

    results = office.scorer.stub.BatchScore(
        scorer_pb2.BatchScoreRequest(request_id="r-1", purpose=PURPOSE, subjects=[subject])
    ).results

    assert results[0].HasField("score")


def test_the_same_request_many_times_at_once_is_one_record(office: Office, bundle: TinyBundle) -> None:
    """Forty threads, one prediction, identical bytes."""
    request = ask(bundle.applicant_ids[0], request_id="r-1")

    answers = at_once(40, lambda _place: office.scorer.stub.Score(request).SerializeToString())

    after = office.scorer.stub.Score(ask(bundle.applicant_ids[0]))
    assert len(set(answers)) == 1
    assert after.receipt.sequence == 2


def test_different_content_under_one_id_at_once_is_answered_once(office: Office, bundle: TinyBundle) -> None:
    """One of them wins; all the others are told that the id is taken."""
    outcomes = at_once(10, lambda place: _try(office.scorer, ask(bundle.applicant_ids[place], request_id="r-1")))

    assert sorted(set(outcomes)) == ["OK", "REQUEST_ID_REUSED"]  # type: ignore[type-var]
    assert outcomes.count("OK") == 1


def test_a_failed_call_does_not_use_up_its_id(office: Office, bundle: TinyBundle) -> None:
    """Nothing was stored, so the corrected request may carry the same id."""
    failure(lambda: office.scorer.stub.Score(ask("nobody", request_id="r-1")))

    corrected = office.scorer.stub.Score(ask(bundle.applicant_ids[0], request_id="r-1"))

    assert corrected.receipt.sequence == 1


def test_a_repeated_batch_scores_only_the_rows_without_an_answer(office: Office, bundle: TinyBundle) -> None:
    """Rows answered before return the same score, a corrected row is scored, a changed one is refused."""
    ids = bundle.applicant_ids
    first = _batch(office.scorer, [ids[0], "nobody", ids[2]])

    second = _batch(office.scorer, [ids[0], ids[1], ids[3]])

    assert second[0].score == first[0].score
    assert second[1].score.receipt.sequence == 3
    assert status_error(second[2].status).reason == "REQUEST_ID_REUSED"


def test_a_stored_answer_outlives_the_bundle_that_gave_it(office: Office, bundle: TinyBundle, tmp_path: Path) -> None:
    """After a swap to a model of other applicants, the same request still gets the answer that was given."""
    request = ask(bundle.applicant_ids[0], request_id="r-1")
    first = office.scorer.stub.Score(request)
    office.registry.register(tiny_bundle(tmp_path / "next", seed=3), alias="champion")

    office.scorer.stub.ReloadModel(scorer_pb2.ReloadModelRequest())
    again = office.scorer.stub.Score(request)
    fresh = office.scorer.stub.Score(ask(bundle.applicant_ids[0]))

    assert again == first
    assert fresh.model_version.endswith("/2")


def test_a_stored_answer_outlives_a_restart(bundle: TinyBundle, tmp_path: Path) -> None:
    """Also while the restarted scorer has nothing to serve yet."""
    registry = FakeRegistry()
    registry.register(bundle, alias="champion")
    request = ask(bundle.applicant_ids[0], request_id="r-1")
    with scorer(tmp_path, registry) as before:
        first = before.stub.Score(request)

    with scorer(tmp_path, FakeRegistry(), serving=False) as after:
        again = after.stub.Score(request)

    assert again == first


def _batch(running: Scorer, applicant_ids: list[str]) -> list[scorer_pb2.BatchScoreResult]:
    subjects = [scorer_pb2.Subject(applicant_id=each) for each in applicant_ids]
    request = scorer_pb2.BatchScoreRequest(request_id="b-1", purpose=PURPOSE, subjects=subjects)
    return list(running.stub.BatchScore(request).results)


def _try(running: Scorer, request: scorer_pb2.ScoreRequest) -> str:
    try:
        return failure(lambda: running.stub.Score(request)).reason
    except AssertionError:
        return "OK"
