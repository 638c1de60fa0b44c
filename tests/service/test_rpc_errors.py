"""What a client is told when a call fails: code, stable reason, fields, and nothing of the inside."""

import queue
from collections.abc import Iterator

import grpc
import pytest

from counterfoil.client.errors import CallError, FieldProblem, call_error
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.scorer.v1.scorer_pb2_grpc import ScorerServiceStub
from counterfoil.trainer.v1 import dataset_pb2
from shared.errors import (
    AlreadyExists,
    CounterfoilError,
    Exhausted,
    FieldViolation,
    InvalidInput,
    NotFound,
    Precondition,
    Unavailable,
)
from shared.rpc.boundary import FinishedRpc
from shared.rpc.server import build_server
from tests.service.rpc_service import (
    DEADLINE_S,
    LOOPBACK,
    SCORER,
    Running,
    failing,
    only,
    open_plain,
    running,
    scorer,
    trainer,
)

ERRORS = [
    (InvalidInput.of("purpose", "is required"), "INVALID_ARGUMENT"),
    (NotFound("no such applicant", reason="APPLICANT_NOT_FOUND"), "NOT_FOUND"),
    (AlreadyExists("taken", reason="REQUEST_ID_REUSED"), "ALREADY_EXISTS"),
    (Precondition("no champion", reason="NO_CHAMPION"), "FAILED_PRECONDITION"),
    (Unavailable("the monitor is down", reason="MONITOR_DOWN"), "UNAVAILABLE"),
    (Exhausted("the spool is full", reason="SPOOL_FULL"), "RESOURCE_EXHAUSTED"),
    (CounterfoilError("of no kind", reason="ODD"), "INTERNAL"),
]


def failure(service: Running) -> CallError:
    """Call Score and return how it failed."""
    with pytest.raises(grpc.RpcError) as error:
        service.score()
    return call_error(error.value)


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=[code for _, code in ERRORS])
def test_each_domain_error_has_its_code_and_keeps_its_reason(error: CounterfoilError, code: str) -> None:
    """A client sees code, reason and sentence; the record for the log has code and reason."""
    with running(scorer(failing(error))) as service:
        told = failure(service)

    assert (told.code, told.reason, told.message) == (code, error.reason, error.message)
    assert [(rpc.code, rpc.reason) for rpc in service.finished] == [(code, error.reason)]


def test_metadata_reaches_the_client() -> None:
    """Machines read facts from it instead of from the sentence."""
    error = NotFound("no such model", reason="MODEL_NOT_FOUND", metadata={"model": "credit-default"})

    with running(scorer(failing(error))) as service:
        told = failure(service)

    assert told.metadata == {"model": "credit-default"}


def test_each_invalid_field_is_named() -> None:
    """The paths and descriptions come as a BadRequest, in their order."""
    violations = [FieldViolation('features["AMT_CREDIT"]', "is not finite"), FieldViolation("purpose", "is required")]

    with running(scorer(failing(InvalidInput(violations)))) as service:
        told = failure(service)

    assert told.fields == tuple(FieldProblem(each.field, each.description) for each in violations)


def test_an_error_of_any_size_reaches_the_client() -> None:
    """Thousands of long violations in a wide script are cut to what trailers carry; how many there were is told."""
    violations = [FieldViolation(f'features["{"ж" * 300}{number}"]', "не число" * 100) for number in range(2000)]
    metadata = {f"key{number}": "значение" * 20 for number in range(100)}

    with running(scorer(failing(InvalidInput(violations, metadata=metadata)))) as service:
        told = failure(service)

    assert (told.code, told.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert told.fields[0].field.startswith('features["жж')
    assert told.metadata["violations"] == "2000"


def test_an_unforeseen_error_tells_the_client_nothing_of_the_inside(caplog: pytest.LogCaptureFixture) -> None:
    """INTERNAL with a fixed sentence; the message and the traceback are in the log."""
    with running(scorer(failing(ValueError("/var/secret 4711")))) as service:
        told = failure(service)

    assert (told.code, told.reason) == ("INTERNAL", "INTERNAL")
    assert "4711" not in repr(told)
    assert "ValueError" not in repr(told)
    assert "ValueError: /var/secret 4711" in caplog.text
    assert "Traceback" in caplog.text


def test_an_error_in_a_stream_follows_the_news_before_it() -> None:
    """What was yielded arrives, then the status."""

    def watch(
        request: dataset_pb2.WatchDatasetRequest, _context: grpc.ServicerContext
    ) -> Iterator[dataset_pb2.WatchDatasetResponse]:
        yield dataset_pb2.WatchDatasetResponse(dataset=dataset_pb2.Dataset(name=request.name))
        raise NotFound("it was deleted", reason="DATASET_NOT_FOUND")

    with running(trainer(watch)) as service:
        call = service.watch("datasets/a")
        first = next(call)
        with pytest.raises(grpc.RpcError) as error:
            next(call)

    assert first.dataset.name == "datasets/a"
    assert call_error(error.value).reason == "DATASET_NOT_FOUND"
    assert [(rpc.code, rpc.reason) for rpc in service.finished] == [("NOT_FOUND", "DATASET_NOT_FOUND")]


def test_a_stream_whose_client_has_gone_is_recorded_as_cancelled() -> None:
    """The handler's generator is closed, and that is no failure of the service."""
    finished: queue.Queue[FinishedRpc] = queue.Queue()

    def watch(
        _request: dataset_pb2.WatchDatasetRequest, _context: grpc.ServicerContext
    ) -> Iterator[dataset_pb2.WatchDatasetResponse]:
        while True:
            yield dataset_pb2.WatchDatasetResponse()

    server = build_server(LOOPBACK, [trainer(watch)], on_rpc=finished.put)
    server.start()
    with open_plain(server.port) as channel:
        call = Running(server, channel).watch()
        next(call)
        call.cancel()
        rpc = finished.get(timeout=DEADLINE_S)
    server.stop(grace_seconds=0)

    assert (rpc.code, rpc.reason) == ("CANCELLED", "")


def test_a_method_that_does_not_exist_is_unimplemented() -> None:
    """A newer client is told so by gRPC itself."""
    with running(scorer()) as service, pytest.raises(grpc.RpcError) as error:
        ScorerServiceStub(service.channel).ReloadModel(scorer_pb2.ReloadModelRequest(), timeout=DEADLINE_S)

    assert call_error(error.value).code == "UNIMPLEMENTED"


@pytest.mark.parametrize(
    "content", [b"\xff\xff", b"\x0b" * 10_000, b"\x0a\x05ab"], ids=["no field", "10,000 groups deep", "cut off"]
)
def test_bytes_that_are_no_message_are_the_callers_mistake(content: bytes) -> None:
    """GRPC by itself would answer INTERNAL, as if the server had failed."""
    with running(scorer()) as service, open_plain(service.server.port) as channel:
        score: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{SCORER}/Score")
        with pytest.raises(grpc.RpcError) as error:
            score(content, timeout=DEADLINE_S)

    told = call_error(error.value)
    assert (told.code, told.reason) == ("INVALID_ARGUMENT", "MALFORMED_REQUEST")
    assert [rpc.code for rpc in service.finished] == ["INVALID_ARGUMENT"]


def test_a_stream_of_requests_ends_at_the_unreadable_one() -> None:
    """Those before it were read."""
    seen: list[str] = []

    def score_each(
        requests: Iterator[scorer_pb2.ScoreRequest], _context: grpc.ServicerContext
    ) -> Iterator[scorer_pb2.ScoreResponse]:
        for request in requests:
            seen.append(request.request_id)
            yield scorer_pb2.ScoreResponse()

    handler = grpc.stream_stream_rpc_method_handler(
        score_each,
        request_deserializer=scorer_pb2.ScoreRequest.FromString,
        response_serializer=scorer_pb2.ScoreResponse.SerializeToString,
    )
    with running(only(SCORER, "ScoreEach", handler)) as service, open_plain(service.server.port) as channel:
        stream: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(f"/{SCORER}/ScoreEach")
        first = scorer_pb2.ScoreRequest(request_id="first").SerializeToString()
        with pytest.raises(grpc.RpcError) as error:
            list(stream(iter([first, b"\xff\xff"]), timeout=DEADLINE_S))

    assert call_error(error.value).reason == "MALFORMED_REQUEST"
    assert seen == ["first"]
