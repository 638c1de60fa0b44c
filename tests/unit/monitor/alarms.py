"""Alerts in a database of their own, under the shipped rules."""

import datetime as dt
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from services.monitor.adapters.alert_table import AlertTable
from services.monitor.adapters.database import open_database
from services.monitor.adapters.outbox import Outbox
from services.monitor.adapters.rules_file import read_rules
from services.monitor.alerting import Alerting
from services.monitor.domain.alerts import Alert, Measurement
from services.monitor.domain.rules import Watch
from shared.database import Database
from tests.unit.monitor.models import MODEL_VERSION

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@dataclass
class Ticking:
    """A clock that a test sets."""

    now: dt.datetime = NOON

    def __call__(self) -> dt.datetime:
        """Return the time."""
        return self.now

    def go_on(self, seconds: float) -> None:
        """Let time pass."""
        self.now += dt.timedelta(seconds=seconds)


@dataclass
class Alarms:
    """Alerting with its parts; messages are kept as if there were a receiver."""

    database: Database
    clock: Ticking = field(default_factory=Ticking)
    wanted: bool = True

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.database, clock=self.clock, new_id=_new_id, wanted=self.wanted)
        self.table = AlertTable(self.database, self.outbox, self.clock, _new_id)
        self.proposing: list[Alert] = []
        self.alerting = Alerting(read_rules(), self.table, propose=self.proposing.append)


def _new_id() -> str:
    return secrets.token_hex(6)


def alarms_in(folder: Path, *, wanted: bool = True) -> Alarms:
    """Return alerting whose database lies in the folder."""
    return Alarms(open_database(f"sqlite:///{folder / 'monitor.db'}"), wanted=wanted)


def measured(value: float, *, watch: Watch = Watch.AUC_DROP, rows: int = 5_000, subject: str = "") -> Measurement:
    """Return a measurement of the model version that the monitor's tests know."""
    return Measurement(watch, MODEL_VERSION, value, rows, subject)
