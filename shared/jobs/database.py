"""Where jobs are kept: three tables in any database that SQLAlchemy speaks to and that knows RETURNING."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    NullPool,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    make_url,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.schema import CreateIndex, CreateTable

from shared.errors import Unavailable

BUSY_TIMEOUT_S = 30.0
_SWITCH_PAUSE_S = 0.05

_METADATA = MetaData()

# Times are ISO 8601 in UTC with microseconds: they sort as text, and SQLite has no type for them.
JOBS = Table(
    "jobs",
    _METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("id", String(128), nullable=False, unique=True),
    Column("kind", String(64), nullable=False),
    Column("label", String(256), nullable=False),
    Column("state", String(16), nullable=False),
    Column("payload", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("fraction", Float, nullable=False, default=0.0),
    Column("stage", Text, nullable=False, default=""),
    Column("result", Text),
    Column("error_reason", String(128)),
    Column("error_message", Text),
    Column("error_metadata", Text),
    Column("attempt", Integer, nullable=False, default=0),
    Column("create_time", String(32), nullable=False),
    Column("start_time", String(32)),
    Column("end_time", String(32)),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("revision", Integer, nullable=False, default=1),
    Index("jobs_by_kind", "kind", "sequence"),
    Index("jobs_by_state", "state", "sequence"),
)

# Which job the request_id of a caller made; a row lives for 24 hours.
REQUESTS = Table(
    "job_requests",
    _METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("caller", Text, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("request_id", String(128), nullable=False),
    Column("job_id", String(128), nullable=False),
    Column("create_time", String(32), nullable=False),
    UniqueConstraint("caller", "kind", "request_id"),
)


# Jobs whose results are deleted; the jobs themselves stay, since others refer to them.
DELETIONS = Table(
    "job_deletions",
    _METADATA,
    Column("job_id", String(128), primary_key=True),
    Column("time", String(32), nullable=False),
)


def time_text(moment: datetime) -> str:
    """Return a time as the tables hold it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def time_of(text: str) -> datetime:
    """Return a time that the tables hold."""
    return datetime.fromisoformat(text)


def utc_now() -> datetime:
    """Return the time by this machine's clock."""
    return datetime.now(UTC)


def open_engine(url: str) -> Engine:
    """Return an engine whose tables exist; a SQLite file is made with its folder and switched to WAL.

    Several processes may open the same new database at once. Raises Unavailable (JOB_STORE_UNAVAILABLE).
    """
    if make_url(url).get_backend_name() != "sqlite":
        engine = create_engine(url)
        create_tables(engine, JOBS, REQUESTS, DELETIONS)
        return engine
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_TIMEOUT_S})
    with _translated():
        Path(engine.url.database or "").parent.mkdir(parents=True, exist_ok=True)
    with _translated():
        _switch_to_wal(engine)
    create_tables(engine, JOBS, REQUESTS, DELETIONS)
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


def create_tables(engine: Engine, *tables: Table) -> None:
    """Make the tables and their indexes where they are absent; raises Unavailable (JOB_STORE_UNAVAILABLE)."""
    indexes = sorted((index for table in tables for index in table.indexes), key=lambda index: str(index.name))
    elements: tuple[CreateTable | CreateIndex, ...] = (
        *(CreateTable(table, if_not_exists=True) for table in tables),
        *(CreateIndex(index, if_not_exists=True) for index in indexes),
    )
    with _translated():
        for element in elements:
            # PostgreSQL refuses what another process makes at the same moment, IF NOT EXISTS or not; then it is there.
            with suppress(IntegrityError, ProgrammingError), engine.begin() as connection:
                connection.execute(element)
        # What was refused for another reason is refused again, and raised, here.
        with engine.begin() as connection:
            for element in elements:
                connection.execute(element)


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Give a connection of its own for one transaction, committed at the end of the block and undone by an error.

    IntegrityError passes; what else the database refuses is raised as Unavailable (JOB_STORE_UNAVAILABLE).
    """
    with _translated(), engine.begin() as connection:
        yield connection


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, OSError) as error:
        raise Unavailable(
            "the job store cannot be read or written now; see that its disk has room and its database answers, then "
            "try again",
            reason="JOB_STORE_UNAVAILABLE",
        ) from error
