"""The audit trail in the trainer's database: an append-only table beside the jobs."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from services.trainer.domain.audit import (
    GENESIS,
    AuditEvent,
    End,
    EventFilter,
    Intent,
    Known,
    Link,
    Outcome,
    TrailReport,
    verify_chain,
)
from shared.database import time_of, time_text, utc_now
from shared.errors import InvalidInput
from shared.jobs.database import open_database

_METADATA = MetaData()
_LINKS = Table(
    "audit_links",
    _METADATA,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("of", BigInteger, nullable=False),
    Column("time", String(32), nullable=False),
    Column("caller", Text, nullable=False),
    Column("action", String(64), nullable=False),
    Column("resource", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("error_reason", String(128), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("audit_links_by_intent", "of"),
)
# One row: the last link. Whoever appends changes it first, which keeps others waiting until the link is written.
_HEAD = Table(
    "audit_head",
    _METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)
_NAMES = [each.name for each in fields(Link)]
_AT_A_TIME = 1000
_POSITION_DIGITS = 18


class AuditTrail:
    """The trail in a database. Thread-safe; several processes may append to one.

    Every method raises Unavailable (JOB_STORE_UNAVAILABLE) when the database cannot be read or written.
    """

    def __init__(self, url: str, *, clock: Callable[[], datetime] = utc_now) -> None:
        """Open the trail at a SQLAlchemy URL; its tables are made where absent."""
        self._database = open_database(url)
        self._clock = clock
        self._database.create_tables(_LINKS, _HEAD)
        # Another process may have begun the chain already.
        with suppress(IntegrityError), self._database.transaction() as connection:
            connection.execute(insert(_HEAD).values(id=1, sequence=0, hash=GENESIS))

    def begin(self, intent: Intent) -> int:
        """Write down that a call is about to change something and return the place of it in the chain."""
        said = asdict(intent.clipped())
        said["details"] = json.dumps(said["details"], sort_keys=True)
        return self._append(of=0, **said)

    def end(self, intent: int, end: End) -> None:
        """Write down how the call that began at a place ended."""
        self._append(of=intent, resource=end.resource, outcome=end.outcome, error_reason=end.error_reason)

    def list(self, wanted: EventFilter, *, page_size: int, before: str = "") -> tuple[list[AuditEvent], str]:
        """Return up to `page_size` events, newest first, and the position to go on `before`: "" on the last page.

        Raises InvalidInput for a position that this trail did not give.
        """
        ends = _LINKS.alias("ends")
        told = [ends.c[name].label(f"end_{name}") for name in ("time", "resource", "outcome", "error_reason")]
        query = (
            select(_LINKS, *told)
            .outerjoin(ends, ends.c.of == _LINKS.c.sequence)
            .where(_LINKS.c.of == 0, *_conditions(wanted, ends))
        )
        start = _position(before) if before else None
        rows, after = self._database.newest(query, _LINKS.c.sequence, page_size=page_size, before=start)
        return [_event(row) for row in rows], "" if after is None else str(after)

    def verify(self, known: Known | None = None) -> TrailReport:
        """Return whether the chain is still what was written; it reads all of it."""
        with self._database.transaction() as connection:
            head = connection.execute(select(_HEAD)).one()
            ends = [Known(head.sequence, head.hash)] if head.sequence else []
            return verify_chain(_all_links(connection), [*ends, *([known] if known else [])])

    def _append(self, *, of: int, **values: Any) -> int:
        with self._database.transaction() as connection:
            step = update(_HEAD).values(sequence=_HEAD.c.sequence + 1).returning(_HEAD.c.sequence, _HEAD.c.hash)
            sequence, previous = connection.execute(step).one()
            link = Link(sequence=sequence, of=of, time=time_text(self._clock()), **values)
            hash_ = link.hash_after(previous)
            connection.execute(insert(_LINKS).values(**asdict(link), hash=hash_))
            connection.execute(update(_HEAD).values(hash=hash_))
        return int(sequence)


def _all_links(connection: Connection) -> Iterator[tuple[Link, str]]:
    last = 0
    while True:
        query = select(_LINKS).where(_LINKS.c.sequence > last).order_by(_LINKS.c.sequence).limit(_AT_A_TIME)
        rows = connection.execute(query).all()
        for row in rows:
            yield Link(**{name: getattr(row, name) for name in _NAMES}), row.hash
        if len(rows) < _AT_A_TIME:
            return
        last = rows[-1].sequence


def _conditions(wanted: EventFilter, ends: Any) -> Iterator[ColumnElement[bool]]:
    if wanted.resource:
        yield or_(*(_within(table.c.resource, wanted.resource) for table in (_LINKS, ends)))
    if wanted.caller:
        yield _LINKS.c.caller == wanted.caller
    if wanted.action:
        yield _LINKS.c.action == wanted.action
    if wanted.start_time is not None:
        yield _LINKS.c.time >= time_text(wanted.start_time)
    if wanted.end_time is not None:
        yield _LINKS.c.time < time_text(wanted.end_time)


def _within(column: ColumnElement[str], resource: str) -> ColumnElement[bool]:
    return or_(column == resource, column.startswith(f"{resource}/", autoescape=True))


def _position(before: str) -> int:
    if not before.isdecimal() or len(before) > _POSITION_DIGITS:
        raise InvalidInput.of("page_token", "is not a token of this list; leave it empty to start anew")
    return int(before)


def _event(row: Row[Any]) -> AuditEvent:
    intent = Intent(
        caller=row.caller,
        action=row.action,
        resource=row.end_resource or row.resource,
        reason=row.reason,
        request_id=row.request_id,
        details=json.loads(row.details),
    )
    return AuditEvent(
        sequence=row.sequence,
        time=time_of(row.time),
        intent=intent,
        outcome=Outcome(row.end_outcome or Outcome.OPEN),
        end_time=time_of(row.end_time) if row.end_time else None,
        error_reason=row.end_error_reason or "",
        hash=row.hash,
    )
