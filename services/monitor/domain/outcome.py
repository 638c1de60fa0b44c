"""What became of loans: reported late, about one decision each, and corrected by what is observed later."""

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.monitor.domain.prediction import PredictionName
from shared.errors import CounterfoilError, FieldViolation, InvalidInput, NotFound, Precondition

MOST_OUTCOMES = 10_000
_AHEAD = dt.timedelta(days=1)


@dataclass(frozen=True)
class DecisionKey:
    """A decision by its applicant and date; `model_version` may be empty: of any."""

    applicant_id: str
    date: dt.date
    model_version: str = ""


@dataclass(frozen=True)
class Reported:
    """An outcome as a lender reports it; times are in UTC, `loss_amount` is None where it is not known."""

    decision: PredictionName | DecisionKey
    defaulted: bool
    observation_time: dt.datetime
    loss_amount: float | None = None


@dataclass(frozen=True)
class Logged:
    """What the log knows of a prediction that an outcome may be about; `as_of_date` is None where none was given."""

    name: PredictionName
    time: dt.datetime
    purpose: str
    applicant_id: str | None = None
    as_of_date: str | None = None


@dataclass(frozen=True)
class Resolved:
    """An outcome whose decision is in the log."""

    decision: Logged
    report: Reported


@dataclass(frozen=True)
class Recorded:
    """An outcome that is stored; `counts` tells whether it is the one that counts for its decision."""

    name: PredictionName
    already_stored: bool
    counts: bool


@dataclass(frozen=True)
class Outcome:
    """An outcome as it is kept."""

    name: PredictionName
    defaulted: bool
    observation_time: dt.datetime
    loss_amount: float | None
    caller: str
    record_time: dt.datetime


def resolve(report: Reported, candidates: Sequence[Logged], *, now: dt.datetime, field: str) -> Resolved:
    """Return the report with the one decision among the candidates that it is about.

    `field` is the report's path. Raises InvalidInput for a time or an amount that cannot be, NotFound
    (PREDICTION_NOT_FOUND), Precondition (NOT_A_DECISION, AMBIGUOUS_DECISION).
    """
    violations = list(_violations(report, now, field))
    if violations:
        raise InvalidInput(violations)
    decisions = [each for each in candidates if each.purpose == "DECISION"]
    if not decisions:
        raise _unknown(report, f"{field}.prediction", f"{field}.key", known=bool(candidates))
    if len(decisions) > 1:
        raise Precondition(
            f"{field}.key: {len(decisions)} decisions fit applicant and date; name the prediction instead",
            reason="AMBIGUOUS_DECISION",
            metadata={"field": f"{field}.key", "decisions": str(len(decisions))},
        )
    (decision,) = decisions
    if report.observation_time.date() < decision.time.date():
        raise InvalidInput.of(f"{field}.observation_time", "lies before the day of the decision")
    return Resolved(decision, report)


def fits(key: DecisionKey, logged: Logged) -> bool:
    """Return whether a logged prediction is of the key's applicant, and as of its date or made on that day (UTC)."""
    dated = key.date.isoformat() in {logged.as_of_date, logged.time.astimezone(dt.UTC).date().isoformat()}
    of_version = key.model_version in {"", logged.name.model_version}
    return dated and of_version and key.applicant_id == logged.applicant_id


def _violations(report: Reported, now: dt.datetime, field: str) -> Iterator[FieldViolation]:
    if report.observation_time > now + _AHEAD:
        yield FieldViolation(f"{field}.observation_time", "lies in the future; give when it was observed")
    loss = report.loss_amount
    if loss is not None and not (math.isfinite(loss) and loss >= 0.0):
        yield FieldViolation(f"{field}.loss_amount", "is no finite amount of 0 or more; leave it out if not known")


def _unknown(report: Reported, by_name: str, by_key: str, *, known: bool) -> CounterfoilError:
    field = by_name if isinstance(report.decision, PredictionName) else by_key
    if known:
        return Precondition(
            f"{field}: was not scored for a decision, so it has no outcome",
            reason="NOT_A_DECISION",
            metadata={"field": field},
        )
    return NotFound(
        f"{field}: names no prediction in the log; check it against the score's reply, or report it later",
        reason="PREDICTION_NOT_FOUND",
        metadata={"field": field},
    )
