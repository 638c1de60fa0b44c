"""The log line of a call: enough to find it again, nothing about the applicant."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import feature_pb2
from shared.logs import JsonFormatter
from shared.rpc.server import build_server
from tests.service.rpc_service import LOOPBACK, Running, open_plain, running, scorer


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Return what the rpc logger writes, as the services format it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter("scorer"))
    logger = logging.getLogger("counterfoil.rpc")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield written
    logger.setLevel(logging.NOTSET)
    logger.removeHandler(handler)


def test_a_call_is_one_line_without_any_value_of_the_request(log: io.StringIO) -> None:
    """Method, request id, code, reason, milliseconds and caller: no feature, no value, no applicant."""
    features = {"AMT_CREDIT": feature_pb2.FeatureValue(number=123456.75)}
    subject = scorer_pb2.Subject(
        features=feature_pb2.FeatureMap(features=features), application_number="application-99"
    )
    server = build_server(LOOPBACK, [scorer()])
    server.start()

    with open_plain(server.port) as channel:
        request = scorer_pb2.ScoreRequest(request_id="r1", subject=subject)
        Running(server, channel).score(request)
    server.stop()

    (text,) = log.getvalue().splitlines()
    line = json.loads(text)
    assert 0 <= line.pop("ms") < 30_000
    assert line.pop("time")
    assert line == {
        "level": "INFO",
        "service": "scorer",
        "logger": "counterfoil.rpc",
        "event": "rpc",
        "method": "/counterfoil.scorer.v1.ScorerService/Score",
        "request_id": "r1",
        "model_version": "",
        "code": "OK",
        "reason": "",
        "caller": "unverified",
    }


def test_a_long_request_id_is_cut_in_the_record() -> None:
    """A client cannot fill the log with it."""
    with running(scorer()) as service:
        service.score(scorer_pb2.ScoreRequest(request_id="x" * 100_000))

    assert [len(rpc.request_id) for rpc in service.finished] == [128]
