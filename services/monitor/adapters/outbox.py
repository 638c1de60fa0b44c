"""What is to be told to a webhook: kept in the monitor's database, with what it is about, until it was taken."""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, Text, delete, func, insert, select, update

from shared.database import Database, time_text

_OUTBOX = Table(
    "webhook_outbox",
    MetaData(),
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("body", Text, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_time", String(32), nullable=False),
)


@dataclass(frozen=True)
class Message:
    """One message: its id, by which a receiver knows it again, its body, and how often it was sent in vain."""

    id: str
    body: str
    attempts: int


class Outbox:
    """Messages in the order in which they were put. Without a receiver (`wanted` false) nothing is kept."""

    def __init__(
        self, database: Database, *, clock: Callable[[], dt.datetime], new_id: Callable[[], str], wanted: bool
    ) -> None:
        """Make the table where it is absent."""
        database.create_tables(_OUTBOX)
        self._database = database
        self._clock = clock
        self._new_id = new_id
        self._wanted = wanted

    def put(self, connection: Connection, event: str, document: Mapping[str, Any]) -> None:
        """Keep a message on an event, in the transaction that made it so."""
        if not self._wanted:
            return
        now, message_id = time_text(self._clock()), f"ev-{self._new_id()}"
        body = json.dumps({"id": message_id, "event": event, "time": now, **document}, sort_keys=True)
        connection.execute(insert(_OUTBOX).values(id=message_id, body=body, next_time=now))

    def due(self) -> Message | None:
        """Return the message that has waited longest for an attempt whose time has come, None if there is none."""
        due = select(_OUTBOX).where(_OUTBOX.c.next_time <= time_text(self._clock()))
        with self._database.transaction() as connection:
            row = connection.execute(due.order_by(_OUTBOX.c.next_time, _OUTBOX.c.sequence).limit(1)).one_or_none()
        return None if row is None else Message(row.id, row.body, row.attempts)

    def taken(self, message: Message) -> None:
        """Forget a message that its receiver has taken."""
        with self._database.transaction() as connection:
            connection.execute(delete(_OUTBOX).where(_OUTBOX.c.id == message.id))

    def postpone(self, message: Message, pause: dt.timedelta) -> None:
        """Count an attempt in vain; the next one is due after the pause."""
        later = {"attempts": message.attempts + 1, "next_time": time_text(self._clock() + pause)}
        with self._database.transaction() as connection:
            connection.execute(update(_OUTBOX).where(_OUTBOX.c.id == message.id).values(later))

    def depth(self) -> int:
        """Return how many messages wait."""
        with self._database.transaction() as connection:
            return int(connection.execute(select(func.count()).select_from(_OUTBOX)).scalar_one())
