"""Log lines: one JSON object each, whatever was logged."""

import json
import logging
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidInput
from shared.logs import JsonFormatter, configure, log_event

FORMATTER = JsonFormatter("scorer")


def record(message: str, **extra: object) -> logging.LogRecord:
    """Return a record at level INFO with further attributes."""
    return logging.makeLogRecord({"name": "test", "levelno": 20, "levelname": "INFO", "msg": message, **extra})


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """Give the root logger and put it back as it was."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)


def test_an_event_is_one_json_line_on_stderr(root: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    """Time in UTC, level, service, logger, the event and its fields."""
    configure("scorer", "info")
    log_event(root.getChild("test"), "serving", port=50052, address="127.0.0.1")

    (text,) = capsys.readouterr().err.splitlines()
    line = json.loads(text)
    assert datetime.fromisoformat(line.pop("time")).utcoffset() == timedelta(0)
    assert line == {
        "level": "INFO",
        "service": "scorer",
        "logger": "test",
        "event": "serving",
        "port": 50052,
        "address": "127.0.0.1",
    }


def test_the_level_bounds_what_is_written(root: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    """Below it, nothing appears."""
    configure("scorer", "WARNING")
    log_event(root, "quiet")
    root.warning("loud")

    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["loud"]


def test_configuring_twice_writes_each_line_once(root: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    """The second call replaces the first."""
    configure("scorer", "INFO")
    configure("monitor", "INFO")
    root.info("hello")

    (text,) = capsys.readouterr().err.splitlines()
    assert json.loads(text)["service"] == "monitor"


def test_an_unknown_level_is_refused(root: logging.Logger) -> None:
    """The error names the variable and the levels, and the loggers stay as they were."""
    before = root.handlers[:]

    with pytest.raises(InvalidInput, match="DEBUG, INFO, WARNING, ERROR") as error:
        configure("scorer", "LOUD")

    assert error.value.violations[0].field == "COUNTERFOIL_LOG_LEVEL"
    assert root.handlers == before


def test_a_traceback_stays_inside_its_line() -> None:
    """One record is one line, also with an exception of many."""
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        text = FORMATTER.format(record("failed", exc_info=sys.exc_info()))

    assert "\n" not in text
    assert json.loads(text)["traceback"].endswith("ValueError: first\nsecond")


def test_a_field_cannot_pose_as_the_records_own() -> None:
    """Level, event and the like are the logger's word."""
    line = json.loads(FORMATTER.format(record("real", fields={"event": "forged", "level": "NONE", "more": 1})))

    assert (line["event"], line["level"], line["more"]) == ("real", "INFO", 1)


def test_what_json_does_not_know_is_written_as_text() -> None:
    """A path or an exception as a field does not break the line."""
    line = json.loads(FORMATTER.format(record("event", fields={"folder": Path("var"), "error": KeyError("x")})))

    assert (line["folder"], line["error"]) == ("var", "'x'")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)


@given(st.text(max_size=50), st.dictionaries(st.text(max_size=10), SCALARS | st.lists(SCALARS, max_size=3), max_size=4))
def test_every_record_is_one_line_of_strict_json(message: str, fields: dict[str, object]) -> None:
    """Control characters, NaN and line breaks included: no reader chokes on a line."""
    text = FORMATTER.format(record(message, fields=fields))

    line = json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))
    assert "\n" not in text
    assert line["event"] == message
    assert set(fields) <= set(line)


def test_a_finite_number_stays_a_number_beside_one_that_is_not() -> None:
    """Only what strict JSON lacks becomes text."""
    line = json.loads(FORMATTER.format(record("event", fields={"ms": 1.5, "loss": float("nan"), "by": {(1, 2): 3}})))

    assert (line["ms"], line["loss"], line["by"]) == (1.5, "nan", "{(1, 2): 3}")
