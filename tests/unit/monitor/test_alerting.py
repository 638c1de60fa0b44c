"""From measurements and findings to alerts: raised once, counted, resolved, acknowledged, and never lost."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.monitor.domain.alerts import Alert, AlertFilter, AlertState
from services.monitor.domain.chain import Alert as LogFinding
from services.monitor.domain.rules import Severity, Watch
from shared.errors import InvalidInput, NotFound, Precondition, Unavailable
from tests.unit.monitor.alarms import NOON, Alarms, alarms_in, measured
from tests.unit.monitor.models import MODEL_VERSION

GAP = LogFinding("SEGMENT_GAP", "records are missing", instance="spool-1", number=4)
EVERYTHING = AlertFilter()


@pytest.fixture
def alarms(tmp_path: Path) -> Iterator[Alarms]:
    """Return alerting in a folder of its own."""
    alarms = alarms_in(tmp_path)
    yield alarms
    alarms.database.close()


def _alerts(alarms: Alarms, wanted: AlertFilter = EVERYTHING) -> list[Alert]:
    return alarms.alerting.list(wanted, page_size=100, before=0)[0]


def _events(alarms: Alarms) -> list[str]:
    events = []
    while (message := alarms.outbox.due()) is not None:
        events.append(json.loads(message.body)["event"])
        alarms.outbox.taken(message)
    return events


def test_a_figure_at_its_bound_raises_an_alert_that_says_why(alarms: Alarms) -> None:
    """Whoever reads it learns the figure, the bound and how many decisions stand behind it."""
    alarms.alerting.measured(measured(0.05))

    (alert,) = _alerts(alarms)
    finding = alert.finding
    assert (finding.rule, finding.reason, finding.severity) == ("auc-drop", "AUC_DROP", Severity.CRITICAL)
    assert (finding.value, finding.bound, finding.rows) == (0.05, 0.05, 5_000)
    said = "the loss of AUC against what the probabilities let expect is 0.05 over 5,000 decisions, bound 0.05"
    assert finding.message == f"{MODEL_VERSION}: {said}"
    assert (alert.state, alert.first_time, alert.count) == (AlertState.RAISED, NOON, 1)
    assert alarms.proposing == [alert]


def test_a_condition_that_lasts_is_counted_and_raises_no_storm(alarms: Alarms) -> None:
    """One alert, one message, however often it is measured; the figures are the newest."""
    for value in (0.06, 0.07, 0.08):
        alarms.alerting.measured(measured(value))
        alarms.clock.go_on(60)

    (alert,) = _alerts(alarms)
    assert (alert.count, alert.finding.value) == (3, 0.08)
    assert (alert.last_time - alert.first_time).total_seconds() == 120
    assert _events(alarms) == ["alert.raised"]


def test_a_condition_that_is_gone_resolves_its_alert_and_a_new_one_is_another(alarms: Alarms) -> None:
    """History is kept: each time that it happened is an alert of its own."""
    for value in (0.06, 0.01, 0.07):
        alarms.alerting.measured(measured(value))
        alarms.clock.go_on(60)

    again, first = _alerts(alarms)
    assert (first.state, again.state) == (AlertState.RESOLVED, AlertState.RAISED)
    assert first.resolve_time is not None
    assert (first.resolve_time - first.first_time).total_seconds() == 60
    assert again.resolve_time is None
    assert _events(alarms) == ["alert.raised", "alert.resolved", "alert.raised"]


@pytest.mark.parametrize("value", [0.9, 0.0])
def test_a_window_below_the_rules_minimum_changes_nothing(alarms: Alarms, value: float) -> None:
    """Neither does chance raise an alert, nor does a quiet hour resolve one."""
    alarms.alerting.measured(measured(0.06))

    alarms.alerting.measured(measured(value, rows=999), measured(value, watch=Watch.DATA_DRIFT, rows=10))

    (alert,) = _alerts(alarms)
    assert (alert.state, alert.count) == (AlertState.RAISED, 1)


def test_each_subject_has_an_alert_of_its_own(alarms: Alarms) -> None:
    """Two broken features are two things to mend; one of them mended leaves the other."""
    broken = [measured(0.5, watch=Watch.MISSINGNESS, subject=name) for name in ("AMT_CREDIT", "EXT_SOURCE_2")]
    alarms.alerting.measured(*broken)

    alarms.alerting.measured(measured(0.0, watch=Watch.MISSINGNESS, subject="AMT_CREDIT"))

    assert [(alert.finding.subject, alert.state) for alert in _alerts(alarms)] == [
        ("EXT_SOURCE_2", AlertState.RAISED),
        ("AMT_CREDIT", AlertState.RESOLVED),
    ]


@pytest.mark.parametrize(
    ("reason", "watch"),
    [
        ("SEGMENT_GAP", Watch.LOG_GAP),
        ("SEGMENT_BROKEN", Watch.LOG_CHAIN),
        ("RECORDS_SET_APART", Watch.LOG_VALUES),
        ("BUNDLE_UNKNOWN", Watch.LOG_BUNDLE),
        ("PROJECTION_FAILED", Watch.LOG_PROJECTION),
        ("WHAT_NOBODY_THOUGHT_OF", Watch.LOG_CHAIN),
    ],
)
def test_whatever_is_found_in_the_log_is_kept(alarms: Alarms, reason: str, watch: Watch) -> None:
    """Also what a later part of the monitor finds and no rule knows."""
    alarms.alerting.record(LogFinding(reason, "it is so", model_version=MODEL_VERSION))

    (alert,) = _alerts(alarms)
    assert (alert.finding.reason, alert.finding.watch, alert.finding.model_version) == (reason, watch, MODEL_VERSION)
    assert alert.finding.bound is None


def test_a_gap_names_instance_and_segment_and_outlives_a_restart(tmp_path: Path) -> None:
    """On return it is on disk: the segment is acknowledged only then."""
    before = alarms_in(tmp_path)
    before.alerting.record(GAP)
    before.database.close()

    (alert,) = _alerts(alarms_in(tmp_path))

    assert (alert.finding.subject, alert.finding.message) == ("spool-1 segment 4", "spool-1: records are missing")


def test_what_cannot_be_kept_is_logged_and_refused(alarms: Alarms, caplog: pytest.LogCaptureFixture) -> None:
    """The sender keeps its segment, and an operator reads of the gap all the same."""
    with alarms.database.transaction() as connection:
        connection.exec_driver_sql("DROP TABLE alerts")

    with caplog.at_level(logging.INFO), pytest.raises(Unavailable) as refusal:
        alarms.alerting.record(GAP)

    assert refusal.value.reason == "MONITOR_DATABASE_UNAVAILABLE"
    assert [record.message for record in caplog.records] == ["found in the log"]


def test_an_alert_is_acknowledged_once_by_somebody_with_a_note(alarms: Alarms) -> None:
    """Who saw it first is on record; the condition still holds, and is still counted under it."""
    alarms.alerting.measured(measured(0.06))
    (raised,) = _alerts(alarms)

    seen = alarms.alerting.acknowledge(raised.id, caller="CN=officer", note="looking")
    with pytest.raises(Precondition, match="CN=officer") as refusal:
        alarms.alerting.acknowledge(raised.id, caller="CN=other", note="me too")
    alarms.alerting.measured(measured(0.07))

    assert refusal.value.reason == "ALERT_ACKNOWLEDGED"
    assert (seen.state, alarms.alerting.get(raised.id).count) == (AlertState.ACKNOWLEDGED, 2)
    assert seen.acknowledgement is not None
    assert (seen.acknowledgement.caller, seen.acknowledgement.note) == ("CN=officer", "looking")
    assert _events(alarms) == ["alert.raised", "alert.acknowledged"]


def test_an_alert_that_resolved_itself_can_still_be_acknowledged(alarms: Alarms) -> None:
    """It stays resolved."""
    alarms.alerting.measured(measured(0.06), measured(0.01))
    (resolved,) = _alerts(alarms)

    seen = alarms.alerting.acknowledge(resolved.id, caller="CN=officer", note="")

    assert seen.state is AlertState.RESOLVED
    assert seen.acknowledgement is not None


def test_an_alert_that_is_not_there_and_a_note_that_is_too_long_are_refused(alarms: Alarms) -> None:
    """Nothing is changed by either."""
    with pytest.raises(NotFound) as refusal:
        alarms.alerting.acknowledge("al-none", caller="CN=officer", note="")
    with pytest.raises(InvalidInput, match="note"):
        alarms.alerting.acknowledge("al-none", caller="CN=officer", note="x" * 1_001)

    assert refusal.value.reason == "ALERT_NOT_FOUND"
    assert _events(alarms) == []


def test_alerts_are_listed_by_state_severity_and_version_page_by_page(alarms: Alarms) -> None:
    """The last raised first; a page tells where the next one goes on."""
    alarms.alerting.measured(measured(0.06), measured(0.6, watch=Watch.DATA_DRIFT), measured(0.01))
    alarms.alerting.record(GAP)

    page, position = alarms.alerting.list(EVERYTHING, page_size=2, before=0)
    rest, end = alarms.alerting.list(EVERYTHING, page_size=2, before=position)

    assert [alert.finding.rule for alert in (*page, *rest)] == ["log-gap", "data-drift", "auc-drop"]
    assert end == 0
    wanted = AlertFilter((AlertState.RAISED, AlertState.ACKNOWLEDGED), Severity.CRITICAL)
    assert [alert.finding.rule for alert in _alerts(alarms, wanted)] == ["log-gap"]
    of_version = AlertFilter(model_version=MODEL_VERSION)
    assert [alert.finding.rule for alert in _alerts(alarms, of_version)] == ["data-drift", "auc-drop"]
    assert alarms.table.open_counts() == {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 1}


def test_without_a_receiver_no_message_is_kept(tmp_path: Path) -> None:
    """Else the outbox of every laptop would grow for ever."""
    alarms = alarms_in(tmp_path, wanted=False)

    alarms.alerting.measured(measured(0.06))

    assert len(_alerts(alarms)) == 1
    assert alarms.outbox.depth() == 0
