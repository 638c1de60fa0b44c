"""The cheap answer to "has anything drifted?": what windows and the newest report say, and a tag of all."""

import datetime as dt
import hashlib
from dataclasses import dataclass

from services.monitor.domain.drift_verdict import DriftVerdict


@dataclass(frozen=True)
class Tally:
    """How many predictions of a model version the log holds, and when the newest was made (None: there is none)."""

    count: int = 0
    last_time: dt.datetime | None = None

    def plus(self, other: "Tally") -> "Tally":
        """Return the tally of both."""
        times = [time for time in (self.last_time, other.last_time) if time is not None]
        return Tally(self.count + other.count, max(times, default=None))


@dataclass(frozen=True)
class ReportNews:
    """What a succeeded report on logged predictions said; `drifted` is None where nothing could be compared."""

    report_id: str
    end_time: dt.datetime
    drifted: bool | None
    drifted_share: float | None


@dataclass(frozen=True)
class DriftStatus:
    """A model version's status; `report` is the newest one on logged predictions, None if there is none.

    `verdicts` are those on the windows that are always watched.
    """

    model_version: str
    tally: Tally
    report: ReportNews | None
    verdicts: tuple[DriftVerdict, ...] = ()

    @property
    def etag(self) -> str:
        """Return 32 hexadecimal digits that change whenever anything of the status does."""
        known = (self.model_version, self.tally, self.report, [verdict.digest for verdict in self.verdicts])
        return hashlib.sha256(repr(known).encode()).hexdigest()[:32]


def newer(known: ReportNews | None, found: ReportNews) -> ReportNews:
    """Return the one that ended later; of two that ended at once, `found`."""
    return found if known is None or found.end_time >= known.end_time else known
