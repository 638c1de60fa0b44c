"""What persons decided instead of the model, in the monitor's database: added, and changed by an erasure alone."""

from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from services.monitor.domain.override import Override, OverrideWish
from services.monitor.domain.prediction import PredictionName
from shared.database import Database, time_of, time_text, utc_now
from shared.errors import AlreadyExists, Unavailable

_OVERRIDES = Table(
    "overrides",
    MetaData(),
    # SQLite counts up an INTEGER alone.
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("model_version", String(160), nullable=False),
    Column("prediction_id", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("decision", String(16), nullable=False),
    Column("reason_code", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("officer", String(128), nullable=False),
    Column("caller", Text, nullable=False),
    # Null where none was given, so that the constraint does not hold for it.
    Column("request_id", String(128)),
    Column("create_time", String(32), nullable=False),
    UniqueConstraint("prediction_id", "model_version", "number"),
    UniqueConstraint("caller", "request_id"),
    Index("overrides_by_prediction", "prediction_id"),
)
_ATTEMPTS = 5


class Overrides:
    """The overrides in a database. Thread-safe.

    Every method raises Unavailable (MONITOR_DATABASE_UNAVAILABLE) when the database cannot be read or written.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        """Make the table where it is absent."""
        self._database = database
        self._clock = clock
        database.create_tables(_OVERRIDES)

    def record(self, wish: OverrideWish) -> Override:
        """Add the wish to those of its prediction, once for each request_id of a caller, and return it as it stands.

        Raises AlreadyExists (REQUEST_ID_REUSED) if the caller used the request_id for other content.
        """
        for _ in range(_ATTEMPTS):
            known = self._of_request(wish)
            if known is not None:
                return known
            # Another thread may take the number, or store the same request, between look and write.
            with suppress(IntegrityError), self._database.transaction() as connection:
                return _insert(connection, wish, time_text(self._clock()))
        raise Unavailable(
            "others record overrides of this prediction at the same moment; try again", reason="OVERRIDE_CONTENDED"
        )

    def of(self, predictions: Collection[PredictionName]) -> dict[PredictionName, list[Override]]:
        """Return the overrides of those predictions that have any, oldest first."""
        query = (
            select(_OVERRIDES)
            .where(_OVERRIDES.c.prediction_id.in_([name.id for name in predictions]))
            .order_by(_OVERRIDES.c.number)
        )
        with self._database.transaction() as connection:
            rows = connection.execute(query).all()
        found: dict[PredictionName, list[Override]] = {}
        for override in map(_override, rows):
            if override.wish.prediction in predictions:
                found.setdefault(override.wish.prediction, []).append(override)
        return found

    def forget_words(self, predictions: Collection[PredictionName]) -> None:
        """Remove the words of the reasons, which may tell of the person; of a chunk, those of all its rows.

        Who decided what, when, and the code of the reason stay.
        """
        for name in predictions:
            of_chunk = _OVERRIDES.c.prediction_id.startswith(f"{name.id}.", autoescape=True)
            those = _OVERRIDES.c.model_version == name.model_version, (_OVERRIDES.c.prediction_id == name.id) | of_chunk
            with self._database.transaction() as connection:
                connection.execute(update(_OVERRIDES).where(*those).values(reason=""))

    def _of_request(self, wish: OverrideWish) -> Override | None:
        if not wish.request_id:
            return None
        query = select(_OVERRIDES).where(_OVERRIDES.c.caller == wish.caller, _OVERRIDES.c.request_id == wish.request_id)
        with self._database.transaction() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        known = _override(row)
        if known.wish != wish:
            raise AlreadyExists(
                "this request_id was used for another override; choose a new one for a new override",
                reason="REQUEST_ID_REUSED",
            )
        return known


def _insert(connection: Connection, wish: OverrideWish, time: str) -> Override:
    """Add the wish in one statement that also finds its number, so that SQLite lets one writer wait for the other."""
    values = {
        "model_version": wish.prediction.model_version,
        "prediction_id": wish.prediction.id,
        "decision": wish.decision,
        "reason_code": wish.reason_code,
        "reason": wish.reason,
        "officer": wish.officer,
        "caller": wish.caller,
        "request_id": wish.request_id or None,
        "create_time": time,
    }
    number = func.coalesce(func.max(_OVERRIDES.c.number), 0) + 1
    those = select(*(literal(value).label(name) for name, value in values.items()), number.label("number")).where(
        _OVERRIDES.c.prediction_id == wish.prediction.id,
        _OVERRIDES.c.model_version == wish.prediction.model_version,
    )
    added = insert(_OVERRIDES).from_select([*values, "number"], those).returning(*_OVERRIDES.c)
    return _override(connection.execute(added).one())


def _override(row: Row[Any]) -> Override:
    wish = OverrideWish(
        prediction=PredictionName(row.model_version, row.prediction_id),
        decision=row.decision,
        reason_code=row.reason_code,
        reason=row.reason,
        officer=row.officer,
        caller=row.caller,
        request_id=row.request_id or "",
    )
    return Override(wish, row.number, time_of(row.create_time))
