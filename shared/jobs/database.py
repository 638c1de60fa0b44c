"""Where jobs are kept: three tables of a database."""

from sqlalchemy import Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

from shared.database import Database, Trouble

_TROUBLE = Trouble(
    "JOB_STORE_UNAVAILABLE",
    "the job store cannot be read or written now; see that its disk has room and its database answers, then try again",
)
_METADATA = MetaData()

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


def open_database(url: str) -> Database:
    """Return the database at a SQLAlchemy URL, its tables made; its Unavailable is JOB_STORE_UNAVAILABLE."""
    database = Database(url, trouble=_TROUBLE)
    database.create_tables(JOBS, REQUESTS, DELETIONS)
    return database
