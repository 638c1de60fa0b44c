"""What the spools of the other processes on this machine keep: an answer is the same, whichever process is asked."""

import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final

from services.scorer.adapters.spool import AnswerKey, StoredAnswer
from services.scorer.adapters.spool_file import open_reader, translated

# Bytes 18 and 19 of an SQLite file: since when it is written through a log. Before, whoever looks may stop its maker.
_WRITTEN_THROUGH_LOG: Final = b"\2\2"


class OtherSpools:
    """Reads the answers in other spools while their processes write them. Thread-safe."""

    def __init__(self, directories: Sequence[Path], *, clock: Callable[[], datetime]) -> None:
        """Open nothing yet: a spool that is not there is looked for again at each call."""
        self._files = [directory / "spool.db" for directory in directories]
        self._clock = clock
        self._readers: dict[Path, sqlite3.Connection] = {}
        self._reading = threading.Lock()

    def find(self, call: AnswerKey) -> dict[int, StoredAnswer]:
        """Return the answers kept for any row of a call, by row, whose 24 hours are not over.

        Raises Unavailable (SPOOL_FAILED) if a spool cannot be read: then nobody knows whether the call was answered.
        """
        with self._reading, translated():
            rows = [
                row
                for reader in filter(None, map(self._reader, self._files))
                for row in reader.execute(
                    "SELECT place, digest, answer FROM answers"
                    " WHERE caller = ? AND method = ? AND request_id = ? AND expire_time > ?",
                    (call.caller, call.method, call.request_id, self._clock().timestamp()),
                )
            ]
        return {place: StoredAnswer(digest, answer) for place, digest, answer in rows}

    def close(self) -> None:
        """Close the files."""
        with self._reading:
            for reader in self._readers.values():
                reader.close()
            self._readers.clear()

    def _reader(self, file: Path) -> sqlite3.Connection | None:
        """Return the connection to a spool, None while its process has not made it."""
        if file not in self._readers and _is_spool(file):
            self._readers[file] = open_reader(file)
        return self._readers.get(file)


def _is_spool(file: Path) -> bool:
    try:
        with file.open("rb") as content:
            if content.read(20)[18:] != _WRITTEN_THROUGH_LOG:
                return False
    except FileNotFoundError:
        return False
    with closing(open_reader(file)) as reader:
        return reader.execute("SELECT 1 FROM sqlite_schema WHERE name = 'answers'").fetchone() is not None
