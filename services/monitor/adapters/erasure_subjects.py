"""Whom the erasures under way are about: known until each has ended, and then only as a digest under a key."""

import secrets
from contextlib import suppress

from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table, delete, insert, select
from sqlalchemy.exc import IntegrityError

from services.monitor.domain.erasure import Subject
from shared.database import Database, time_of, time_text

_METADATA = MetaData()
_SUBJECTS = Table(
    "erasure_subjects",
    _METADATA,
    Column("erasure_id", String(128), primary_key=True),
    Column("applicant_id", String(128), nullable=False),
    Column("application_number", String(128), nullable=False),
    Column("stored_before", String(32)),
)
_KEY = Table(
    "erasure_key",
    _METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("key", LargeBinary(32), nullable=False),
)


class ErasureSubjects:
    """The subjects in the monitor's database; several processes may use one.

    Every method raises Unavailable (MONITOR_DATABASE_UNAVAILABLE) when it cannot be read or written.
    """

    def __init__(self, database: Database) -> None:
        """Make the tables and the key where they are absent."""
        self._database = database
        database.create_tables(_SUBJECTS, _KEY)
        with suppress(IntegrityError), database.transaction() as connection:
            if connection.execute(select(_KEY.c.key)).one_or_none() is None:
                connection.execute(insert(_KEY).values(id=1, key=secrets.token_bytes(32)))

    def digest(self, subject: Subject) -> str:
        """Return what tells under this database's key whether it is the same subject."""
        with self._database.transaction() as connection:
            return subject.digest(connection.execute(select(_KEY.c.key)).scalar_one())

    def keep(self, erasure_id: str, subject: Subject) -> None:
        """Remember whom an erasure is about."""
        before = subject.stored_before
        row = {
            "applicant_id": subject.applicant_id,
            "application_number": subject.application_number,
            "stored_before": None if before is None else time_text(before),
        }
        with self._database.transaction() as connection:
            connection.execute(insert(_SUBJECTS).values(erasure_id=erasure_id, **row))

    def get(self, erasure_id: str) -> Subject | None:
        """Return whom an erasure is about, None once it is forgotten."""
        query = select(_SUBJECTS).where(_SUBJECTS.c.erasure_id == erasure_id)
        with self._database.transaction() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        before = None if row.stored_before is None else time_of(row.stored_before)
        return Subject(row.applicant_id, row.application_number, before)

    def forget(self, erasure_id: str) -> None:
        """Remove whom an erasure is about, also from the database's files."""
        with self._database.transaction() as connection:
            connection.execute(delete(_SUBJECTS).where(_SUBJECTS.c.erasure_id == erasure_id))
        self._database.leave_no_trace()
