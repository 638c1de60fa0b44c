"""Alerts in the monitor's database: raised, counted, resolved, acknowledged, and told to the outbox with it."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    func,
    insert,
    select,
    update,
)

from services.monitor.adapters.outbox import Outbox
from services.monitor.domain.alerts import Acknowledgement, Alert, AlertFilter, AlertState, Finding
from services.monitor.domain.rules import Severity, Watch
from shared.database import Database, time_of, time_text
from shared.digests import digest_of
from shared.errors import NotFound, Precondition

_ALERTS = Table(
    "alerts",
    MetaData(),
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    # What an open alert is known by; a resolved one has none, so that its condition can raise another.
    Column("open_key", String(64), unique=True),
    Column("state", String(16), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("watch", String(32), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("model_version", String(256), nullable=False),
    Column("subject", Text, nullable=False),
    Column("value", Float),
    Column("bound", Float),
    Column("rows", Integer),
    Column("proposes_retraining", Boolean, nullable=False),
    Column("first_time", String(32), nullable=False),
    Column("last_time", String(32), nullable=False),
    Column("times_found", Integer, nullable=False),
    Column("resolve_time", String(32)),
    Column("acknowledged_by", Text),
    Column("acknowledge_time", String(32)),
    Column("note", Text),
    Index("alerts_by_state", "state", "sequence"),
    Index("alerts_by_model_version", "model_version", "sequence"),
)


@dataclass(frozen=True)
class AlertTable:
    """Every alert there ever was. On return from a method what it did is on disk.

    Each method raises Unavailable (MONITOR_DATABASE_UNAVAILABLE) where it cannot be.
    """

    database: Database
    outbox: Outbox
    clock: Callable[[], dt.datetime]
    new_id: Callable[[], str]

    def __post_init__(self) -> None:
        """Make the table where it is absent."""
        self.database.create_tables(_ALERTS)

    def found(self, finding: Finding) -> tuple[Alert, bool]:
        """Return the open alert on a condition, counted once more, or a new one; and whether it is new."""
        with self.database.transaction() as connection:
            known = self._seen_again(connection, finding)
            if known is not None:
                return _alert(known), False
            made = _alert(self._insert(connection, finding))
            self.outbox.put(connection, "alert.raised", document_of(made))
            return made, True

    def gone(self, finding: Finding) -> Alert | None:
        """Resolve the open alert on a condition that does not hold, and return it; None if there is none."""
        values = {"state": AlertState.RESOLVED, "resolve_time": self._now(), "open_key": None}
        change = update(_ALERTS).where(_ALERTS.c.open_key == _open_key(finding)).values(values)
        with self.database.transaction() as connection:
            row = connection.execute(change.returning(_ALERTS)).one_or_none()
            if row is None:
                return None
            self.outbox.put(connection, "alert.resolved", document_of(_alert(row)))
        return _alert(row)

    def acknowledge(self, alert_id: str, *, caller: str, note: str) -> Alert:
        """Note that the caller has seen an alert, and return it; a resolved one stays resolved.

        Raises NotFound (ALERT_NOT_FOUND), and Precondition (ALERT_ACKNOWLEDGED) if somebody did so before.
        """
        this = _ALERTS.c.id == alert_id
        raised = _ALERTS.c.state == AlertState.RAISED
        values = {"acknowledged_by": caller, "acknowledge_time": self._now(), "note": note}
        unseen = update(_ALERTS).where(this, _ALERTS.c.acknowledged_by.is_(None)).values(values).returning(_ALERTS.c.id)
        with self.database.transaction() as connection:
            noted = connection.execute(unseen).one_or_none() is not None
            connection.execute(update(_ALERTS).where(this, raised).values(state=AlertState.ACKNOWLEDGED))
            alert = _alert(_one(connection, alert_id))
            if not noted:
                raise _acknowledged(alert)
            self.outbox.put(connection, "alert.acknowledged", document_of(alert))
        return alert

    def get(self, alert_id: str) -> Alert:
        """Return one alert; raises NotFound (ALERT_NOT_FOUND)."""
        with self.database.transaction() as connection:
            return _alert(_one(connection, alert_id))

    def list(self, wanted: AlertFilter, *, page_size: int, before: int = 0) -> tuple[list[Alert], int]:
        """Return alerts that match, the last raised first, and the position to go on `before`: 0 on the last page."""
        query = select(_ALERTS)
        if wanted.states:
            query = query.where(_ALERTS.c.state.in_(wanted.states))
        if wanted.severity is not None:
            query = query.where(_ALERTS.c.severity == wanted.severity)
        if wanted.model_version:
            query = query.where(_ALERTS.c.model_version == wanted.model_version)
        rows, after = self.database.newest(query, _ALERTS.c.sequence, page_size=page_size, before=before or None)
        return [_alert(row) for row in rows], after or 0

    def open_counts(self) -> dict[Severity, int]:
        """Return how many alerts of each severity are not resolved."""
        query = select(_ALERTS.c.severity, func.count()).where(_ALERTS.c.open_key.is_not(None))
        with self.database.transaction() as connection:
            rows = connection.execute(query.group_by(_ALERTS.c.severity)).all()
        return dict.fromkeys(Severity, 0) | {Severity(severity): count for severity, count in rows}

    def _seen_again(self, connection: Connection, finding: Finding) -> Row[Any] | None:
        news = {**asdict(finding), "last_time": self._now(), "times_found": _ALERTS.c.times_found + 1}
        change = update(_ALERTS).where(_ALERTS.c.open_key == _open_key(finding)).values(news)
        return connection.execute(change.returning(_ALERTS)).one_or_none()

    def _insert(self, connection: Connection, finding: Finding) -> Row[Any]:
        now = self._now()
        times = {"first_time": now, "last_time": now, "times_found": 1}
        new = {"id": f"al-{self.new_id()}", "state": AlertState.RAISED, "open_key": _open_key(finding)}
        return connection.execute(insert(_ALERTS).values({**asdict(finding), **times, **new}).returning(_ALERTS)).one()

    def _now(self) -> str:
        return time_text(self.clock())


def document_of(alert: Alert) -> Mapping[str, Any]:
    """Return what a webhook is told of an alert."""
    finding, seen = alert.finding, alert.acknowledgement
    document = {
        "name": f"alerts/{alert.id}",
        "state": alert.state,
        **asdict(finding),
        "count": alert.count,
        "first_time": time_text(alert.first_time),
        "acknowledged_by": seen.caller if seen else None,
    }
    return {"alert": document}


def _open_key(finding: Finding) -> str:
    return digest_of("\n".join((finding.rule, finding.model_version, finding.subject)).encode())


def _one(connection: Connection, alert_id: str) -> Row[Any]:
    row = connection.execute(select(_ALERTS).where(_ALERTS.c.id == alert_id)).one_or_none()
    if row is None:
        message = f"there is no alert {alert_id}; `counterfoil alerts list` shows those there are"
        raise NotFound(message, reason="ALERT_NOT_FOUND", metadata={"alert": alert_id})
    return row


def _acknowledged(alert: Alert) -> Precondition:
    by = alert.acknowledgement.caller if alert.acknowledgement else ""
    message = f"alert {alert.id} was acknowledged by {by}; nothing was changed"
    return Precondition(message, reason="ALERT_ACKNOWLEDGED", metadata={"alert": alert.id})


def _alert(row: Row[Any]) -> Alert:
    said = {each.name: getattr(row, each.name) for each in fields(Finding)}
    seen = None
    if row.acknowledged_by is not None:
        seen = Acknowledgement(row.acknowledged_by, time_of(row.acknowledge_time), row.note)
    return Alert(
        id=row.id,
        finding=Finding(**{**said, "watch": Watch(row.watch), "severity": Severity(row.severity)}),
        state=AlertState(row.state),
        first_time=time_of(row.first_time),
        last_time=time_of(row.last_time),
        count=row.times_found,
        resolve_time=row.resolve_time and time_of(row.resolve_time),
        acknowledgement=seen,
    )
