"""An SQL database that a service keeps state in: any that SQLAlchemy speaks to and that knows RETURNING."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, NullPool, Row, Select, Table, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.schema import CreateIndex, CreateTable

from shared.errors import Precondition, Unavailable

BUSY_TIMEOUT_S = 30.0
_SWITCH_PAUSE_S = 0.05


@dataclass(frozen=True)
class Trouble:
    """What a caller is told when a database cannot be read or written: a stable reason, a sentence with the remedy."""

    reason: str
    message: str


class Database:
    """One database, its refusals told in its owner's words. Thread-safe; several processes may have the same one open.

    Every method raises Unavailable, with the reason of `trouble`, when the database cannot be read or written.
    """

    def __init__(self, url: str, *, trouble: Trouble) -> None:
        """Open the database at a SQLAlchemy URL; a SQLite file is made with its folder and switched to WAL.

        Raises Precondition (DATABASE_URL_UNUSABLE) for what is no such URL, or one whose driver is not installed.
        """
        self._trouble = trouble
        self._engine = _engine(url)
        if self._engine.dialect.name == "sqlite":
            with self._translated():
                Path(self._engine.url.database or "").parent.mkdir(parents=True, exist_ok=True)
                _switch_to_wal(self._engine)

    def create_tables(self, *tables: Table) -> None:
        """Make the tables and their indexes where they are absent; several processes may do so at once."""
        indexes = sorted((index for table in tables for index in table.indexes), key=lambda index: str(index.name))
        elements: tuple[CreateTable | CreateIndex, ...] = (
            *(CreateTable(table, if_not_exists=True) for table in tables),
            *(CreateIndex(index, if_not_exists=True) for index in indexes),
        )
        with self._translated():
            for element in elements:
                # PostgreSQL refuses what another process makes at the same moment, IF NOT EXISTS or not; then it is
                # there.
                with suppress(IntegrityError, ProgrammingError), self._engine.begin() as connection:
                    connection.execute(element)
            # What was refused for another reason is refused again, and raised, here.
            with self._engine.begin() as connection:
                for element in elements:
                    connection.execute(element)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection of its own for one transaction, committed at the end of the block and undone by an error.

        IntegrityError passes; what else the database refuses is raised as Unavailable.
        """
        with self._translated(), self._engine.begin() as connection:
            yield connection

    def newest(
        self, query: Select[Any], sequence: ColumnElement[int], *, page_size: int, before: int | None
    ) -> tuple[Sequence[Row[Any]], int | None]:
        """Return up to `page_size` rows of a query, those of the greatest sequence numbers first.

        With them comes the number to go on `before`, None on the last page; None begins with the first.
        """
        query = query.order_by(sequence.desc()).limit(page_size + 1)
        if before is not None:
            query = query.where(sequence < before)
        with self.transaction() as connection:
            rows = connection.execute(query).all()
        shown = rows[:page_size]
        return shown, shown[-1].sequence if len(rows) > page_size else None

    def leave_no_trace(self) -> None:
        """Have a SQLite file's write-ahead log emptied, where what was deleted would still stand for a while.

        Other databases clear up by themselves (PostgreSQL: by vacuum and the recycling of its log).
        """
        if self._engine.dialect.name == "sqlite":
            with self._translated(), self._engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the connections that are not in use; the database must not be used afterwards."""
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except (DBAPIError, OSError) as error:
            raise Unavailable(self._trouble.message, reason=self._trouble.reason) from error


def time_text(moment: datetime) -> str:
    """Return a time as tables hold it: ISO 8601 in UTC with microseconds sorts as text; SQLite has no type for it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def time_of(text: str) -> datetime:
    """Return a time that a table holds."""
    return datetime.fromisoformat(text)


def utc_now() -> datetime:
    """Return the time by this machine's clock."""
    return datetime.now(UTC)


def _engine(url: str) -> Engine:
    try:
        if make_url(url).get_backend_name() != "sqlite":
            return create_engine(url)
        engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_TIMEOUT_S})
    except (ArgumentError, ImportError) as error:
        # The URL itself is not repeated: it may hold a password.
        raise Precondition(
            "a setting names a database by what is no SQLAlchemy URL, or one whose driver is not installed; give one "
            "such as postgresql://user@host/counterfoil, or leave it empty for a file in the state folder",
            reason="DATABASE_URL_UNUSABLE",
        ) from error
    event.listen(engine, "connect", _make_durable)
    return engine


def _switch_to_wal(engine: Engine) -> None:
    """Switch a SQLite file to WAL; of several that do so at once, SQLite may refuse all but one without waiting."""
    patience = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        except OperationalError as error:
            busy = isinstance(error.orig, sqlite3.Error) and error.orig.sqlite_errorcode == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > patience:
                raise
            time.sleep(_SWITCH_PAUSE_S)
        else:
            return


def _make_durable(connection: Any, _record: object) -> None:
    """Let every commit of a SQLite connection reach the disk, and what is deleted be overwritten."""
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
