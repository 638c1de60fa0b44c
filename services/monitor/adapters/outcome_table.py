"""Outcomes in the monitor's database: only ever added to, so that what was said of a loan, and when, stays."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError

from services.monitor.domain.outcome import Outcome, Recorded, Resolved
from services.monitor.domain.prediction import PredictionName
from shared.database import Database, time_of, time_text
from shared.digests import digest_of

_OUTCOMES = Table(
    "outcomes",
    MetaData(),
    # The order of arrival.
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("prediction_id", String(80), nullable=False),
    Column("model_version", String(160), nullable=False),
    Column("decision_time", String(32), nullable=False),
    Column("defaulted", Boolean, nullable=False),
    Column("observation_time", String(32), nullable=False),
    Column("loss_amount", Float),
    Column("caller", Text, nullable=False),
    Column("record_time", String(32), nullable=False),
    # Of what was said, without who said it and when: said again, it is known.
    Column("digest", String(64), nullable=False),
    UniqueConstraint("prediction_id", "digest"),
    Index("outcomes_by_decision", "model_version", "decision_time"),
)
_IDS_AT_ONCE = 500
_LABELS_AT_ONCE = 50_000
_LABELS = {
    "prediction_id": pl.String(),
    "defaulted": pl.Float64(),
    "observation_time": pl.String(),
    "sequence": pl.Int64(),
}
# What makes one outcome of a decision count before another: it was observed later, or came later.
_Rank = tuple[str, int]


@dataclass(frozen=True)
class OutcomeTable:
    """Every outcome that was ever recorded. On return from a method what it did is on disk.

    Each method raises Unavailable (MONITOR_DATABASE_UNAVAILABLE) where it cannot be.
    """

    database: Database
    clock: Callable[[], dt.datetime]

    def __post_init__(self) -> None:
        """Make the table where it is absent."""
        self.database.create_tables(_OUTCOMES)

    def record(self, outcomes: Sequence[Resolved], caller: str) -> list[Recorded]:
        """Store the outcomes that are new, in their order, all in one transaction; return one result for each."""
        rows = [self._row(outcome, caller) for outcome in outcomes]
        try:
            return self._record(rows)
        except IntegrityError:
            # Another caller recorded one of them in between: now it is known.
            return self._record(rows)

    def history(self, name: PredictionName) -> list[Outcome]:
        """Return all outcomes of a decision, the one that counts first."""
        query = (
            select(_OUTCOMES)
            .where(_OUTCOMES.c.prediction_id == name.id, _OUTCOMES.c.model_version == name.model_version)
            .order_by(_OUTCOMES.c.observation_time.desc(), _OUTCOMES.c.sequence.desc())
        )
        with self.database.transaction() as connection:
            return [_outcome(row) for row in connection.execute(query)]

    def labels(self, model_version: str, first: dt.datetime, last: dt.datetime) -> pl.DataFrame:
        """Return the outcomes that count of decisions made from `first` to `last`: prediction_id and defaulted.

        A row a labelled decision, in no particular order; `defaulted` is 1.0 or 0.0.
        """
        columns = [_OUTCOMES.c[name] for name in _LABELS]
        query = select(*columns).where(
            _OUTCOMES.c.model_version == model_version,
            _OUTCOMES.c.decision_time.between(time_text(first), time_text(last)),
        )
        with self.database.transaction() as connection:
            found = pl.concat([pl.DataFrame(schema=_LABELS), *_frames(connection, query)])
        ranked = found.sort("observation_time", "sequence")
        return ranked.unique("prediction_id", keep="last").select("prediction_id", "defaulted")

    def _row(self, outcome: Resolved, caller: str) -> dict[str, Any]:
        name, report = outcome.decision.name, outcome.report
        observed = time_text(report.observation_time)
        said = (str(name), report.defaulted, observed, report.loss_amount)
        return {
            "prediction_id": name.id,
            "model_version": name.model_version,
            "decision_time": time_text(outcome.decision.time),
            "defaulted": report.defaulted,
            "observation_time": observed,
            "loss_amount": report.loss_amount,
            "caller": caller,
            "record_time": time_text(self.clock()),
            "digest": digest_of(repr(said).encode()),
        }

    def _record(self, rows: Sequence[dict[str, Any]]) -> list[Recorded]:
        with self.database.transaction() as connection:
            known = _digests(connection, {row["prediction_id"] for row in rows})
            new: dict[tuple[str, str], dict[str, Any]] = {}
            stored = []
            for row in rows:
                key = (row["prediction_id"], row["digest"])
                stored.append(key in known or key in new)
                new.setdefault(key, row)
            missing = [row for key, row in new.items() if key not in known]
            if missing:
                connection.execute(insert(_OUTCOMES), missing)
            counting = _counting(_digests(connection, {row["prediction_id"] for row in rows}))
        return [
            Recorded(
                PredictionName(row["model_version"], row["prediction_id"]),
                already_stored=already,
                counts=counting[row["prediction_id"]] == row["digest"],
            )
            for row, already in zip(rows, stored, strict=True)
        ]


def _digests(connection: Connection, ids: set[str]) -> dict[tuple[str, str], _Rank]:
    """Return, for each outcome of the decisions by identifier and digest, its rank among those of its decision."""
    found: dict[tuple[str, str], _Rank] = {}
    ordered = sorted(ids)
    for start in range(0, len(ordered), _IDS_AT_ONCE):
        some = ordered[start : start + _IDS_AT_ONCE]
        for row in connection.execute(select(_OUTCOMES).where(_OUTCOMES.c.prediction_id.in_(some))):
            found[row.prediction_id, row.digest] = (row.observation_time, row.sequence)
    return found


def _counting(ranks: dict[tuple[str, str], _Rank]) -> dict[str, str]:
    """Return the digest of the outcome that counts for each decision."""
    ordered = sorted(ranks, key=ranks.__getitem__)
    return dict(ordered)


def _frames(connection: Connection, query: Select[Any]) -> Iterator[pl.DataFrame]:
    rows = connection.execution_options(yield_per=_LABELS_AT_ONCE).execute(query)
    for part in rows.partitions():
        yield pl.DataFrame([tuple(row) for row in part], schema=_LABELS, orient="row", strict=False)


def _outcome(row: Row[Any]) -> Outcome:
    return Outcome(
        name=PredictionName(row.model_version, row.prediction_id),
        defaulted=row.defaulted,
        observation_time=time_of(row.observation_time),
        loss_amount=row.loss_amount,
        caller=row.caller,
        record_time=time_of(row.record_time),
    )
