"""The spool's SQLite file: opened by one process at a time, durable, bounded, its errors in domain words."""

import errno
import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from shared.errors import Exhausted, Precondition, Unavailable

_LOGGER = logging.getLogger("counterfoil.scorer.spool")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS chain (
    only INTEGER PRIMARY KEY CHECK (only = 1), layout INTEGER NOT NULL, instance TEXT NOT NULL,
    head_sequence INTEGER NOT NULL, head_hash BLOB NOT NULL,
    shipped_sequence INTEGER NOT NULL, shipped_hash BLOB NOT NULL, shipped_segments INTEGER NOT NULL,
    sealed_sequence INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS batches (last_sequence INTEGER PRIMARY KEY, records BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS annexed (
    last_sequence INTEGER PRIMARY KEY, file INTEGER NOT NULL, start INTEGER NOT NULL, size INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS answers (
    caller TEXT NOT NULL, method TEXT NOT NULL, request_id TEXT NOT NULL, place INTEGER NOT NULL,
    digest BLOB NOT NULL, answer BLOB NOT NULL, expire_time REAL NOT NULL,
    PRIMARY KEY (caller, method, request_id, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_by_expiry ON answers (expire_time);
"""


def lock_directory(directory: Path) -> IO[bytes]:
    """Return the open lock file that makes this process the directory's only user until it is closed.

    Raises Precondition: SPOOL_LOCKED if another process has it, SPOOL_UNUSABLE if it cannot be made or written to.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / "spool.lock").open("ab")
    except OSError as error:
        raise Precondition(
            f"the prediction spool's folder cannot be used ({error.strerror}); let COUNTERFOIL_STATE_DIR name one that "
            "this process may write to",
            reason="SPOOL_UNUSABLE",
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise Precondition(
            "another scorer process uses this spool; give each its own COUNTERFOIL_STATE_DIR", reason="SPOOL_LOCKED"
        ) from error
    return lock


def open_writer(path: Path, *, max_bytes: int) -> sqlite3.Connection:
    """Return the one connection that writes: each commit is on disk when it returns, and the file stays in its bound.

    A checkpoint every 100 pages keeps the slowest commits under 10 ms; the default of 1,000 doubles that. A batch of
    records takes a few large pages in place of twenty small ones.
    """
    with translated():
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA page_size = 16384")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 100")
        page_size: int = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {max(1, max_bytes // page_size)}")
        connection.executescript(_SCHEMA)
    sync_directory(path.parent)
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Return a connection that only reads, and never waits for the writer."""
    with translated():
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA query_only = ON")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block writes, or, on any error, nothing of it.

    Raises Exhausted (SPOOL_FULL) when the disk or the file's bound is reached, Unavailable (SPOOL_FAILED) on any other
    trouble with the disk.
    """
    with translated():
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextmanager
def translated() -> Iterator[None]:
    """Raise errors of SQLite and of files as domain errors that say nothing of the path; the log gets their words."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        if _of_no_room(error):
            raise full() from error
        _LOGGER.error("spool failed", extra={"fields": {"cause": type(error).__name__, "message": str(error)}})
        raise Unavailable(
            "the prediction spool cannot be read or written, so nothing is answered; see the scorer's log",
            reason="SPOOL_FAILED",
        ) from error


def full() -> Exhausted:
    """Return the error that the disk, or what the spool may have of it, is used up."""
    return Exhausted(
        "the prediction spool is full, so nothing can be recorded or answered; bring the monitor back, free "
        "the disk, or raise COUNTERFOIL_SPOOL_MAX_BYTES (answers under a request_id stay for 24 hours)",
        reason="SPOOL_FULL",
    )


def _of_no_room(error: sqlite3.Error | OSError) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def sync_directory(directory: Path) -> None:
    """Let the directory's entries be on disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
