"""Logs as JSON lines on stderr, one per record, for people with `jq` and for machines.

What is never logged: feature values, applicants' identities, credentials.
"""

import json
import logging
import math
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from shared.errors import InvalidInput

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object: time, level, service, logger, event, then the event's own fields."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line; fields that JSON does not know are written as text.

        One that `log_events` made is a line for each of its events.
        """
        if events := getattr(record, "events", None):
            return self._lines(record, events)
        line: dict[str, object] = {
            "time": _instant(record.created),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "event": record.getMessage(),
        }
        fields = getattr(record, "fields", {})
        line.update((key, value) for key, value in fields.items() if key not in line)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        try:
            return json.dumps(line, ensure_ascii=False, default=str, allow_nan=False)
        except (TypeError, ValueError):
            return json.dumps({key: _plain(value) for key, value in line.items()}, ensure_ascii=False)

    def _lines(self, record: logging.LogRecord, events: Sequence[tuple[float, str]]) -> str:
        """Return a line for each event: its time in seconds of the epoch, its own fields as JSON without braces."""
        head = json.dumps(
            {"level": record.levelname, "service": self._service, "logger": record.name, "event": record.getMessage()}
        )[1:-1]
        return "\n".join(f'{{"time": "{_instant(seconds)}", {head}, {fields}}}' for seconds, fields in events)


def _instant(seconds: float) -> str:
    return _written_instant(int(seconds * 1000))


@lru_cache
def _written_instant(milliseconds: int) -> str:
    """Return the instant as text; many lines of a busy service have the same."""
    return (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds")


def _plain(value: object) -> object:
    """Return a value that strict JSON has, else its text: JSON knows no NaN, no infinity and no keys but text."""
    known = isinstance(value, str | int | None) or (isinstance(value, float) and math.isfinite(value))
    return value if known else str(value)


def configure(service: str, level: str) -> None:
    """Make every logger of this process write JSON lines on stderr; raises InvalidInput for an unknown level."""
    if level.upper() not in LEVELS:
        raise InvalidInput.of("COUNTERFOIL_LOG_LEVEL", f"is {level!r}; give one of {', '.join(LEVELS)}")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # MLflow's migrations say nothing an operator needs, each time that a process opens the database.
    logging.getLogger("alembic").setLevel(logging.WARNING)


def log_event(logger: logging.Logger, event: str, /, **fields: object) -> None:
    """Log an event with its fields at level INFO."""
    logger.info(event, extra={"fields": fields})


def log_events(logger: logging.Logger, event: str, /, events: Sequence[tuple[float, str]]) -> None:
    """Log one kind of event many times at level INFO, for much less than as many calls of `log_event`.

    Each is its time in seconds of the epoch, and its fields as JSON without braces, which strict JSON must know.
    """
    logger.info(event, extra={"events": events})
