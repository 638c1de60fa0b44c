"""Entries for spools, and what fills and empties one."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from counterfoil.types.v1 import prediction_pb2
from services.scorer.adapters.spool import AnswerKey, Entry, Kept, LargeEntry, Receipt, Spool
from shared.errors import Exhausted
from shared.prediction_record.chain import personal_digest

KEY = AnswerKey("unverified", "Score", "r-1")
MIB = 1 << 20


def entry(number: int, *, size: int = 10, kept: Kept | None = None) -> Entry:
    """Return an entry whose personal part is so many bytes long."""
    salt, personal = bytes([number % 256]) * 16, b"p" * size
    part = prediction_pb2.DecisionPart(
        layout_version=1, prediction_id=str(number), personal_digest=personal_digest(salt, personal)
    )
    return Entry(part.SerializeToString(), personal, salt, kept)


def large_entry(number: int, *, size: int) -> LargeEntry:
    """Return an entry whose personal part is so many bytes long, in pieces."""
    decision_part, personal_part, salt, _ = entry(number, size=size)
    return LargeEntry(decision_part, [personal_part[:1], memoryview(personal_part)[1:], b""], salt)


def kept(answer: bytes = b"answer", key: AnswerKey = KEY) -> Kept:
    """Return an answer to keep that names its sequence."""
    return Kept(key, b"digest", lambda receipt: answer + str(receipt.sequence).encode())


def fill(spool: Spool) -> tuple[list[Receipt], Exhausted]:
    """Append records of 4 KB until one is refused; return the receipts and the refusal."""
    receipts: list[Receipt] = []
    while True:
        try:
            receipts += spool.append([entry(1, size=4000)])
        except Exhausted as error:
            return receipts, error


def drain(spool: Spool, max_bytes: int = MIB) -> list[prediction_pb2.Segment]:
    """Seal and acknowledge until nothing is left, and return the segments."""
    segments = []
    while segment := spool.seal(max_bytes):
        segments.append(segment)
        spool.acknowledge(segment)
    return segments


class _LateFailure(sqlite3.Connection):
    """A connection whose commits take place and are then said to have failed, as a disk may do it."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Execute the statement; after a COMMIT raise what SQLite raises for an error of the disk."""
        cursor = super().execute(sql, parameters)
        if sql == "COMMIT":
            raise sqlite3.OperationalError("disk I/O error")
        return cursor


@contextmanager
def late_failures(spool: Spool, folder: Path) -> Iterator[None]:
    """Let each commit of the spool in the folder take place and be said to have failed."""
    sound = spool._writer
    spool._writer = sqlite3.connect(folder / "spool.db", isolation_level=None, factory=_LateFailure)
    yield
    spool._writer.close()
    spool._writer = sound
