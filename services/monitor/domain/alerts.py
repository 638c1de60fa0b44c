"""Alerts: what a rule found, how a figure is held against its bound, and where an alert stands."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.monitor.domain.chain import Alert as LogFinding
from services.monitor.domain.rules import Rule, Rules, Severity, Watch
from shared.errors import InvalidInput

LONGEST_NOTE: Final = 1_000
_PHRASES: Final = {
    Watch.DATA_DRIFT: "the share of drifted features",
    Watch.SCORE_DRIFT: "the stability index of the margins",
    Watch.CONTRIBUTION_DRIFT: "the share of features whose contributions drifted",
    Watch.MISSINGNESS: "the rise in missing values",
    Watch.AUC_DROP: "the loss of AUC against what the probabilities let expect",
    Watch.COST_RISE: "the rise in cost against what the probabilities let expect",
    Watch.CALIBRATION: "the error of the mean probability",
}
_FOUND: Final = {
    "SEGMENT_GAP": Watch.LOG_GAP,
    "SEGMENT_LATE": Watch.LOG_GAP,
    "SEGMENT_BROKEN": Watch.LOG_CHAIN,
    "RECORDS_SET_APART": Watch.LOG_VALUES,
    "BUNDLE_UNKNOWN": Watch.LOG_BUNDLE,
    "BUNDLE_UNAVAILABLE": Watch.LOG_BUNDLE,
    "PROJECTION_FAILED": Watch.LOG_PROJECTION,
}


class AlertState(StrEnum):
    """Where an alert stands: its condition holds (seen by nobody yet, or by somebody), or is gone."""

    RAISED = "RAISED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    RESOLVED = "RESOLVED"


@dataclass(frozen=True)
class Measurement:
    """A figure of a model version over `rows` decisions; `subject` is the feature it is about, empty for all of them.

    `detail` is a sentence with what else a person wants to know.
    """

    watch: Watch
    model_version: str
    value: float
    rows: int
    subject: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Finding:
    """A condition that a rule found to hold; there is one open alert for each rule, model version and subject.

    `reason` is stable. `value`, `bound` and `rows` are None for what was found in the log.
    """

    rule: str
    watch: Watch
    severity: Severity
    reason: str
    message: str
    model_version: str = ""
    subject: str = ""
    value: float | None = None
    bound: float | None = None
    rows: int | None = None
    proposes_retraining: bool = False


@dataclass(frozen=True)
class Acknowledgement:
    """That somebody has seen an alert: who, when, and what they say to it."""

    caller: str
    time: dt.datetime
    note: str


@dataclass(frozen=True)
class Alert:
    """An alert as it is kept; `finding` is as last seen, `count` how often the condition was found to hold."""

    id: str
    finding: Finding
    state: AlertState
    first_time: dt.datetime
    last_time: dt.datetime
    count: int
    resolve_time: dt.datetime | None = None
    acknowledgement: Acknowledgement | None = None


@dataclass(frozen=True)
class AlertFilter:
    """Which alerts to show: those that match every part that is set."""

    states: tuple[AlertState, ...] = ()
    severity: Severity | None = None
    model_version: str = ""


def judge(rules: Rules, measurement: Measurement) -> Iterator[tuple[Finding, bool]]:
    """Yield, for each rule that the measurement is large enough for, its finding and whether the condition holds."""
    for rule in rules.on(measurement.watch):
        if measurement.rows >= rule.minimum_window:
            yield _finding_of_figure(rule, measurement), measurement.value >= rule.bound


def findings_in_log(rules: Rules, found: LogFinding) -> list[Finding]:
    """Return what the rules make of something found in the log; one that no rule knows counts as a broken chain."""
    rules_on = rules.on(_FOUND.get(found.reason, Watch.LOG_CHAIN))
    subject = f"{found.instance} segment {found.number}" if found.instance else ""
    return [
        Finding(
            rule=rule.name,
            watch=rule.watches,
            severity=rule.severity,
            reason=found.reason,
            message=f"{found.instance}: {found.message}" if found.instance else found.message,
            model_version=found.model_version,
            subject=subject,
        )
        for rule in rules_on
    ]


def check_note(note: str) -> None:
    """Raise InvalidInput for a note that is too long."""
    if len(note) > LONGEST_NOTE:
        raise InvalidInput.of("note", f"has {len(note):,} characters; give at most {LONGEST_NOTE:,}")


def _finding_of_figure(rule: Rule, measured: Measurement) -> Finding:
    about = f"{measured.subject} of {measured.model_version}" if measured.subject else measured.model_version
    said = f"{_PHRASES[rule.watches]} is {measured.value:.4g} over {measured.rows:,} decisions, bound {rule.bound:.4g}"
    return Finding(
        rule=rule.name,
        watch=rule.watches,
        severity=rule.severity,
        reason=rule.watches.upper(),
        message=". ".join(part for part in (f"{about}: {said}", measured.detail) if part),
        model_version=measured.model_version,
        subject=measured.subject,
        value=measured.value,
        bound=rule.bound,
        rows=measured.rows,
        proposes_retraining=rule.proposes_retraining,
    )
