"""Lines of calls, written later: the same lines, each once, and none left behind."""

import json
import logging
from collections.abc import Iterator

import pytest

from shared.logs import JsonFormatter
from shared.rpc.boundary import FinishedRpc, log_rpc
from shared.rpc.log import RpcLog

HOURS = 3600.0
CALL = FinishedRpc(
    "/counterfoil.scorer.v1.ScorerService/Score", "r-1", "models/m/versions/3", "OK", "", 1.23456, "bank"
)


class Lines(logging.Handler):
    """Keeps the lines that it is given, as the services format them."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter("scorer"))
        self.written: list[dict[str, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record's lines."""
        self.written += [json.loads(line) for line in self.format(record).splitlines()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Give what the logger of calls writes."""
    logger, kept = logging.getLogger("counterfoil.rpc"), Lines()
    logger.addHandler(kept)
    logger.setLevel(logging.INFO)
    yield kept
    logger.setLevel(logging.NOTSET)
    logger.removeHandler(kept)


def untimed(line: dict[str, object]) -> dict[str, object]:
    """Return a line without its time."""
    return {key: value for key, value in line.items() if key != "time"}


@pytest.mark.parametrize(
    "call",
    [
        CALL,
        CALL._replace(request_id='"quoted" \\ \n ж', caller="Bank Ж"),
        CALL._replace(code="INVALID_ARGUMENT", reason="INVALID_FIELD", model_version="", request_id=""),
    ],
)
def test_a_line_is_what_it_would_be_at_once(lines: Lines, call: FinishedRpc) -> None:
    """Whatever a caller calls itself or its request."""
    log = RpcLog()
    log_rpc(call)
    log(call)
    log.stop()

    at_once, later = lines.written
    assert untimed(later) == untimed(at_once)


def test_what_was_told_is_written_when_it_stops(lines: Lines) -> None:
    """In order, each once, though its hour has not come."""
    log = RpcLog(every_seconds=HOURS)
    log.start()
    for number in range(100):
        log(CALL._replace(request_id=str(number)))
    log.stop()

    assert [line["request_id"] for line in lines.written] == [str(number) for number in range(100)]


def test_below_its_level_nothing_is_written(lines: Lines) -> None:
    """And nothing is kept for later."""
    logging.getLogger("counterfoil.rpc").setLevel(logging.WARNING)
    log = RpcLog()
    log(CALL)
    log.stop()

    logging.getLogger("counterfoil.rpc").setLevel(logging.INFO)
    log.stop()

    assert lines.written == []
