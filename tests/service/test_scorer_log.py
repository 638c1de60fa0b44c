"""No answer without a durable record: what the lender was told is what the monitor gets, whatever goes wrong."""

import json
import logging
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import grpc
import pytest
from numpy.testing import assert_array_equal

from counterfoil.client.errors import call_error, status_error
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import explanation_pb2, prediction_pb2
from shared.logs import JsonFormatter
from shared.prediction_record.chain import personal_digest, verify_segment
from tests.bundles import TinyBundle, tiny_bundle
from tests.fakes import FakeMonitor, FakeRegistry, monitor_server
from tests.lending import eventually
from tests.processes import free_port
from tests.service.scoring import Scorer, ask, at_once, batch, failure, scorer

SMALL_SPOOL = 256 * 1024


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return the bundle that serves in this module."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=7)


@pytest.fixture
def registry(bundle: TinyBundle) -> FakeRegistry:
    """Return a registry whose champion is the bundle."""
    registry = FakeRegistry()
    registry.register(bundle, alias="champion")
    return registry


def parts(record: prediction_pb2.PredictionRecord) -> tuple[prediction_pb2.DecisionPart, prediction_pb2.PersonalPart]:
    """Return both parts of a record."""
    decision = prediction_pb2.DecisionPart.FromString(record.decision_part)
    return decision, prediction_pb2.PersonalPart.FromString(record.personal_part)


def test_the_record_says_what_the_lender_was_told(registry: FakeRegistry, bundle: TinyBundle, tmp_path: Path) -> None:
    """Field by field in the decision part; who it was and the inputs in the personal part alone."""
    monitor = FakeMonitor()
    request = ask(bundle.applicant_ids[3], request_id="r-1", purpose=prediction_pb2.PURPOSE_WHAT_IF)
    request.subject.application_number, request.subject.as_of_date = "A-77", "2026-02-28"
    with monitor_server(monitor) as address, scorer(tmp_path, registry, monitor_address=address) as running:
        told = running.stub.Score(request)
        monitor.wait_for_records(1)
    decision, personal = parts(monitor.records[0])
    names = bundle.contents.schema.names

    assert told.prediction == f"{told.model_version}/predictions/{decision.prediction_id}"
    assert (decision.layout_version, decision.bundle_digest) == (1, bundle.digest)
    assert (decision.caller, decision.method) == ("unverified", "Score")
    assert decision.kernel_id == bundle.contents.model.kernel_id
    assert decision.purpose == prediction_pb2.PURPOSE_WHAT_IF
    assert decision.as_of_date == "2026-02-28"
    for field in ("model_version", "create_time", "probability", "margin", "baseline", "threshold", "decision"):
        assert getattr(decision, field) == getattr(told, field)
    assert [names[place] for place in decision.reason_features] == list(told.reasons.features)
    assert decision.reason_contributions == told.reasons.contributions
    assert decision.principal_reason_codes == told.reasons.principal_codes
    assert (decision.explain, decision.max_principal_reasons) == (explanation_pb2.EXPLAIN_ALL, 4)
    assert decision.baseline_probability == told.reasons.baseline_probability
    assert decision.probability_scale == told.reasons.probability_scale
    assert (personal.applicant_id, personal.application_number, personal.request_id) == (
        bundle.applicant_ids[3],
        "A-77",
        "r-1",
    )
    assert_array_equal(personal.values, bundle.values[3])


def test_nothing_of_the_person_stands_in_the_decision_part(
    registry: FakeRegistry, bundle: TinyBundle, tmp_path: Path
) -> None:
    """Erasing personal part and salt leaves a digest that nobody can reverse; each record has a salt of its own."""
    monitor = FakeMonitor()
    with monitor_server(monitor) as address, scorer(tmp_path, registry, monitor_address=address) as running:
        for _ in range(2):
            running.stub.Score(ask(bundle.applicant_ids[3], request_id=""))
        monitor.wait_for_records(2)
    first, second = monitor.records

    assert bundle.applicant_ids[3].encode() not in first.decision_part
    assert parts(first)[0].personal_digest == personal_digest(first.salt, first.personal_part)
    assert first.personal_part == second.personal_part
    assert first.salt != second.salt
    assert parts(first)[0].personal_digest != parts(second)[0].personal_digest


def test_missing_inputs_are_recorded_as_missing_not_as_what_replaced_them(
    registry: FakeRegistry, bundle: TinyBundle, tmp_path: Path
) -> None:
    """NaN in the personal part, the feature's position among the imputed."""
    monitor = FakeMonitor()
    with monitor_server(monitor) as address, scorer(tmp_path, registry, monitor_address=address) as running:
        running.stub.Score(ask(features=dict.fromkeys(bundle.contents.schema.names)))
        monitor.wait_for_records(1)
    decision, personal = parts(monitor.records[0])

    assert all(math.isnan(value) for value in personal.values)
    assert list(decision.imputed_features) == [bundle.contents.schema.names.index("AMT_CREDIT")]
    assert personal.applicant_id == ""


def test_every_receipt_is_found_in_a_log_whose_chain_holds(
    registry: FakeRegistry, bundle: TinyBundle, tmp_path: Path
) -> None:
    """Under many calls at once: each answer once, under its own sequence and hash, and no gap."""
    monitor = FakeMonitor()

    def score_some(place: int) -> object:
        ids = bundle.applicant_ids[place * 20 : place * 20 + 20]
        return [running.stub.Score(ask(applicant_id)).receipt for applicant_id in ids]

    with monitor_server(monitor) as address, scorer(tmp_path, registry, monitor_address=address) as running:
        groups = at_once(8, score_some)
        monitor.wait_for_records(160)
    receipts = {receipt.sequence: receipt.hash for group in groups for receipt in group}  # type: ignore[attr-defined]

    for segment in monitor.segments:
        verify_segment(segment)
    assert all(one.records[-1].hash == next_.previous_hash for one, next_ in pairwise(monitor.segments))
    assert receipts == {record.sequence: record.hash for record in monitor.records}
    assert sorted(receipts) == list(range(1, 161))


def test_what_was_not_shipped_is_shipped_after_a_restart(
    registry: FakeRegistry, bundle: TinyBundle, tmp_path: Path
) -> None:
    """A scorer that never reached its monitor leaves everything to the next one, same instance, same chain."""
    with scorer(tmp_path, registry) as before:
        told = [before.stub.Score(ask(applicant_id)).receipt for applicant_id in bundle.applicant_ids[:5]]
    monitor = FakeMonitor()

    with monitor_server(monitor) as address, scorer(tmp_path, registry, monitor_address=address) as after:
        told.append(after.stub.Score(ask(bundle.applicant_ids[5])).receipt)
        monitor.wait_for_records(6)

    assert [receipt.hash for receipt in told] == [record.hash for record in monitor.records]
    assert len({receipt.instance for receipt in told}) == 1


def test_stopping_ships_what_was_answered(registry: FakeRegistry, bundle: TinyBundle, tmp_path: Path) -> None:
    """A clean stop leaves nothing behind when the monitor is there."""
    monitor = FakeMonitor()
    with monitor_server(monitor) as address:
        with scorer(tmp_path, registry, monitor_address=address) as running:
            for applicant_id in bundle.applicant_ids[:20]:
                running.stub.Score(ask(applicant_id))

        assert len(monitor.records) == 20


def test_calls_that_run_while_the_scorer_stops_end_in_an_answer_or_an_error_that_says_so(
    registry: FakeRegistry, bundle: TinyBundle, tmp_path: Path
) -> None:
    """Each caller that got an answer has its record shipped; the others are told to go elsewhere."""
    monitor = FakeMonitor()

    def score_until_refused(place: int) -> tuple[list[bytes], str]:
        """Return the hashes of the receipts, and the code that ended it."""
        hashes: list[bytes] = []
        while True:
            try:
                hashes.append(running.stub.Score(ask(bundle.applicant_ids[place])).receipt.hash)
            except grpc.RpcError as error:
                return hashes, call_error(error).code
            if len(hashes) == 5:
                enough.release()

    enough = threading.Semaphore(0)
    with monitor_server(monitor) as address, scorer(tmp_path, registry, monitor_address=address) as running:
        with ThreadPoolExecutor(4) as pool:
            callers = [pool.submit(score_until_refused, place) for place in range(4)]
            enough.acquire()
            running.app.server.stop()
            ended = [caller.result() for caller in callers]
        running.app.stop()

    answered = {each for hashes, _ in ended for each in hashes}
    assert {code for _, code in ended} <= {"UNAVAILABLE", "CANCELLED"}
    assert len(answered) >= 5
    assert {record.hash for record in monitor.records} == answered


def test_no_log_line_tells_who_was_scored_or_by_what_values(
    registry: FakeRegistry, bundle: TinyBundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither for an answer nor for a refusal."""
    secret = 123456.789
    features = dict.fromkeys(bundle.contents.schema.names) | {"AMT_CREDIT": secret}
    with caplog.at_level(logging.DEBUG, logger="counterfoil"), scorer(tmp_path, registry) as running:
        running.stub.Score(ask(bundle.applicant_ids[0]))
        running.stub.Score(ask(features=features))
        failure(lambda: running.stub.Score(ask(features=features | {"CODE_GENDER": "secret level"})))
        failure(lambda: running.stub.Score(ask("secret applicant")))

    lines = [line for record in caplog.records for line in JsonFormatter("scorer").format(record).splitlines()]
    assert sum('"event": "rpc"' in line for line in lines) == 4
    for line in lines:
        assert not any(each in line for each in (bundle.applicant_ids[0], str(secret), "secret"))


def test_the_log_line_of_a_call_names_the_model_version_that_answered(
    registry: FakeRegistry, bundle: TinyBundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a batch too; a refusal and an applicant's features come from no model."""
    applicant = bundle.applicant_ids[0]
    rows = [scorer_pb2.Subject(applicant_id=each) for each in ("nobody", applicant)]
    with caplog.at_level(logging.INFO, logger="counterfoil.rpc"), scorer(tmp_path, registry) as running:
        running.stub.Score(ask(applicant))
        running.stub.BatchScore(batch(rows))
        running.stub.GetServingModel(scorer_pb2.GetServingModelRequest())
        running.stub.GetApplicant(scorer_pb2.GetApplicantRequest(name=f"applicants/{applicant}"))
        failure(lambda: running.stub.Score(ask("nobody")))

    written = [JsonFormatter("scorer").format(record) for record in caplog.records]
    lines = [json.loads(line) for each in written for line in each.splitlines()]
    versions = [line["model_version"] for line in lines if line["event"] == "rpc"]
    assert versions == ["models/credit-default/versions/1"] * 3 + [""] * 2


def test_a_full_spool_refuses_and_recovers_when_the_monitor_is_back(
    registry: FakeRegistry, bundle: TinyBundle, tmp_path: Path
) -> None:
    """RESOURCE_EXHAUSTED, never an unlogged score; every receipt arrives, and scoring resumes without a restart."""
    monitor, address, applicant_id = FakeMonitor(), f"127.0.0.1:{free_port()}", bundle.applicant_ids[0]
    with scorer(tmp_path, registry, monitor_address=address, spool_max_bytes=SMALL_SPOOL) as running:
        receipts, full = _fill(running, bundle)
        with monitor_server(monitor, address):
            monitor.wait_for_records(len(receipts))
            after: list[prediction_pb2.Receipt] = []

            def answers() -> bool:
                """Tell whether there is an answer: the monitor has the records a little before they are deleted."""
                (result,) = running.stub.BatchScore(batch([scorer_pb2.Subject(applicant_id=applicant_id)])).results
                after.extend([result.score.receipt] if result.HasField("score") else [])
                return bool(after)

            eventually(answers, timeout_s=20, what="answering again")
            monitor.wait_for_records(len(receipts) + 1)

    assert full == {("RESOURCE_EXHAUSTED", "SPOOL_FULL")}
    assert [record.hash for record in monitor.records] == [receipt.hash for receipt in receipts + after]


def _fill(running: Scorer, bundle: TinyBundle) -> tuple[list[prediction_pb2.Receipt], set[tuple[str, str]]]:
    """Score batches until rows are refused; return the receipts and how rows were refused."""
    subjects = [scorer_pb2.Subject(applicant_id=applicant_id) for applicant_id in bundle.applicant_ids[:100]]
    request = scorer_pb2.BatchScoreRequest(purpose=prediction_pb2.PURPOSE_TEST, subjects=subjects)
    receipts: list[prediction_pb2.Receipt] = []
    refused: set[tuple[str, str]] = set()
    while not refused:
        for result in running.stub.BatchScore(request).results:
            if result.HasField("score"):
                receipts.append(result.score.receipt)
            else:
                error = status_error(result.status)
                refused.add((error.code, error.reason))
    return receipts, refused
