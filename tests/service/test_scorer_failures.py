"""What a scorer does not answer reaches the log as well, and is no decision there."""

from pathlib import Path

import grpc
import numpy as np
import pytest

from counterfoil.client.channels import open_channel
from counterfoil.inference.v2 import open_inference_pb2, open_inference_pb2_grpc
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import failure_pb2, prediction_pb2
from services.scorer.tensors import encode_texts
from tests.bundles import SCHEMA, TinyBundle, tiny_bundle
from tests.fakes import FakeMonitor, FakeRegistry, monitor_server
from tests.service.scoring import ask, batch, failure, scorer
from tests.service.streams import chunk_of, settings_for, streamed


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


def failures_in(monitor: FakeMonitor) -> list[tuple[failure_pb2.FailedCall, failure_pb2.FailedRequest]]:
    """Return what failed, with what was sent."""
    found = []
    for record in monitor.records:
        calls = prediction_pb2.DecisionPart.FromString(record.decision_part).failures.calls
        sent = prediction_pb2.PersonalPart.FromString(record.personal_part).failed_requests
        found += list(zip(calls, sent, strict=True))
    return found


def test_refused_calls_and_rows_are_logged_beside_the_answers(
    registry: FakeRegistry, bundle: TinyBundle, tmp_path: Path
) -> None:
    """Of a call that is refused as a whole one failure, of one that is answered one for each row without an answer."""
    monitor, known = FakeMonitor(), bundle.applicant_ids[0]
    subjects = [scorer_pb2.Subject(applicant_id=each) for each in (known, "nobody", known, "")]
    inference = open_inference_pb2.ModelInferRequest()
    inference.inputs.add(name="applicant_id", datatype="BYTES", shape=[2])
    inference.raw_input_contents.append(encode_texts(["nobody", known]))

    with monitor_server(monitor) as address, scorer(tmp_path, registry, monitor_address=address) as running:
        failure(lambda: running.stub.Score(ask("nobody", request_id="r-7")))
        failure(lambda: running.stub.Score(ask(known, purpose=prediction_pb2.PURPOSE_UNSPECIFIED)))
        running.stub.BatchScore(batch(subjects))
        with open_channel(running.address) as channel:
            open_inference_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(inference)

    failed = failures_in(monitor)
    told = [(call.method, call.row if call.HasField("row") else None, call.reason) for call, _ in failed]
    assert sorted(told, key=str) == [
        ("BatchScore", 1, "APPLICANT_NOT_FOUND"),
        ("BatchScore", 3, "INVALID_FIELD"),
        ("ModelInfer", 0, "APPLICANT_NOT_FOUND"),
        ("Score", None, "APPLICANT_NOT_FOUND"),
        ("Score", None, "INVALID_FIELD"),
    ]
    assert [sent.request_id for call, sent in failed][:2] == ["r-7", ""]
    assert [list(sent.fields) for _, sent in failed][1] == ["purpose"]
    assert all(len(sent.digest) == 32 for _, sent in failed)
    assert {call.model_version for call, _ in failed} == {"models/credit-default/versions/1"}


def test_refused_rows_of_chunks_are_logged_by_their_place_in_the_stream(
    registry: FakeRegistry, bundle: TinyBundle, tmp_path: Path
) -> None:
    """Also those of a chunk of which no row is answered; the chunks that are sound add nothing."""
    monitor, credit = FakeMonitor(), SCHEMA.names.index("AMT_CREDIT")
    values = np.array(bundle.values[:7])
    values[[3, 6], credit] = np.inf

    with monitor_server(monitor) as address, scorer(tmp_path, registry, monitor_address=address) as running:
        chunks = map(chunk_of, (values[:2], values[2:6], values[6:]))
        told = streamed(running, [settings_for(running), *chunks])

    failed = sorted(failures_in(monitor), key=lambda each: each[0].row)
    assert [(call.method, call.row, call.code, call.reason, call.caller) for call, _ in failed] == [
        ("StreamScore", row, "INVALID_ARGUMENT", "INVALID_FIELD", "unverified") for row in (3, 6)
    ]
    assert [[*sent.fields] for _, sent in failed] == [[f"rows[{place}].values[{credit}]"] for place in (1, 0)]
    assert [(sent.request_id, sent.digest) for _, sent in failed] == [("", b"")] * 2
    assert [refusal.row for chunk in told for refusal in chunk.refusals] == [1, 0]


def test_a_call_that_cannot_be_read_is_logged_without_a_digest(registry: FakeRegistry, tmp_path: Path) -> None:
    """There is nothing to take one of."""
    monitor = FakeMonitor()

    with (
        monitor_server(monitor) as address,
        scorer(tmp_path, registry, monitor_address=address) as running,
        open_channel(running.address) as channel,
    ):
        score: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/counterfoil.scorer.v1.ScorerService/Score"
        )
        error = failure(lambda: score(b"\xff"))

    ((call, sent),) = failures_in(monitor)
    assert (call.reason, error.reason) == ("MALFORMED_REQUEST", "MALFORMED_REQUEST")
    assert (sent.digest, list(sent.fields)) == (b"", ["request"])
