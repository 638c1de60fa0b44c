"""What is measured and found becomes alerts: held against the rules, kept, and logged."""

import logging
import threading
from collections.abc import Callable

from services.monitor.adapters.alert_table import AlertTable
from services.monitor.domain.alerts import (
    Alert,
    AlertFilter,
    Finding,
    Measurement,
    check_note,
    findings_in_log,
    judge,
)
from services.monitor.domain.chain import Alert as LogFinding
from services.monitor.domain.rules import Rules, Severity
from shared.logs import log_event

_logger = logging.getLogger(__name__)


class Alerting:
    """The alerts of a monitor; safe to use by many threads.

    `propose` is told each alert whose rule proposes retraining, whenever its condition is found.
    """

    def __init__(self, rules: Rules, table: AlertTable, *, propose: Callable[[Alert], None]) -> None:
        self._rules = rules
        self._table = table
        self._propose = propose
        # Two findings of one condition at once would both find no open alert.
        self._lock = threading.Lock()

    def record(self, found: LogFinding) -> None:
        """Keep what was found in the log and return once it is on disk; what cannot be kept was logged."""
        for finding in findings_in_log(self._rules, found):
            _log("found in the log", finding)
            self._raise(finding)

    def measured(self, *measurements: Measurement) -> None:
        """Raise or resolve what the measurements call for; a window too small for a rule changes nothing."""
        for measurement in measurements:
            for finding, holds in judge(self._rules, measurement):
                if holds:
                    self._raise(finding)
                else:
                    self._resolve(finding)

    def get(self, alert_id: str) -> Alert:
        """Return one alert; raises NotFound (ALERT_NOT_FOUND)."""
        return self._table.get(alert_id)

    def list(self, wanted: AlertFilter, *, page_size: int, before: int) -> tuple[list[Alert], int]:
        """Return alerts, the last raised first, and the position to go on `before`: 0 on the last page."""
        return self._table.list(wanted, page_size=page_size, before=before)

    def acknowledge(self, alert_id: str, *, caller: str, note: str) -> Alert:
        """Note that the caller has seen an alert; raises InvalidInput, and what AlertTable.acknowledge does."""
        check_note(note)
        return self._table.acknowledge(alert_id, caller=caller, note=note)

    def open_counts(self) -> dict[Severity, int]:
        """Return how many alerts of each severity are not resolved."""
        return self._table.open_counts()

    def _raise(self, finding: Finding) -> None:
        with self._lock:
            alert, is_new = self._table.found(finding)
        if is_new:
            _log("alert raised", finding, alert.id)
        if finding.proposes_retraining:
            self._propose(alert)

    def _resolve(self, finding: Finding) -> None:
        alert = self._table.gone(finding)
        if alert is not None:
            _log("alert resolved", finding, alert.id)


def _log(event: str, finding: Finding, alert_id: str = "") -> None:
    fields = {
        "alert": alert_id,
        "rule": finding.rule,
        "severity": finding.severity,
        "reason": finding.reason,
        "message": finding.message,
        "model_version": finding.model_version,
        "subject": finding.subject,
    }
    log_event(_logger, event, **{name: value for name, value in fields.items() if value})
