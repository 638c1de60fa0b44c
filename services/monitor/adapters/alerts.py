"""What an auditor must know about the log: logged at once, and kept in a file of JSON lines."""

import datetime as dt
import json
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from services.monitor.adapters.durability import make_folder, sync
from services.monitor.domain.chain import Alert
from shared.logs import log_event

_logger = logging.getLogger(__name__)


class AlertFile:
    """A file with one alert a line, in the order in which they were raised; only ever appended to."""

    def __init__(self, path: Path, clock: Callable[[], dt.datetime]) -> None:
        """Make the file's folder; the file itself comes with the first alert."""
        make_folder(path.parent)
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()

    def record(self, alert: Alert) -> None:
        """Log the alert and return once it is on disk; raises OSError if it cannot be kept, having logged it."""
        fields = {key: value for key, value in asdict(alert).items() if value}
        log_event(_logger, "alert", **fields)
        line = json.dumps({"time": self._clock().isoformat(), **fields}, sort_keys=True)
        with self._lock:
            is_new = not self._path.exists()
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                sync(self._path.parent)
