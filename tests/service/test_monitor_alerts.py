"""ListAlerts, GetAlert and AcknowledgeAlert over a real channel."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import Message

from counterfoil.client.errors import CallError, call_error
from counterfoil.monitor.v1 import alert_pb2, monitor_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from services.monitor.app import build
from shared.errors import InvalidInput
from tests.adapters.receivers import webhook_server
from tests.service.monitors import HANGING_JOB, monitor, settings_in
from tests.unit.monitor.models import KnownModels, model_facts
from tests.unit.monitor.segments import Spool, numbered, seeded_values

GAPS = ("c segment 3", "b segment 3", "a segment 3")


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[MonitorServiceStub]:
    """Run a monitor whose log has three gaps."""
    with monitor(settings_in(tmp_path), models=KnownModels(model_facts()), job_command=HANGING_JOB) as running:
        for instance in "abc":
            _leave_gap(running, instance)
        yield running


def _leave_gap(stub: MonitorServiceStub, instance: str) -> None:
    _, spool = Spool(instance).seal(seeded_values(2))
    segment = numbered(spool.seal(seeded_values(2))[0], 3)
    stub.IngestPredictions(monitor_pb2.IngestPredictionsRequest(segment=segment))


def _list(stub: MonitorServiceStub, **fields: object) -> alert_pb2.ListAlertsResponse:
    return stub.ListAlerts(alert_pb2.ListAlertsRequest(**fields))  # type: ignore[arg-type]  # by name


def _refusal(call: Callable[[], Message]) -> CallError:
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return call_error(refused.value)


def test_alerts_come_page_by_page_the_last_raised_first(stub: MonitorServiceStub) -> None:
    """Each with all that is known of it."""
    first = _list(stub, page_size=2)
    second = _list(stub, page_size=2, page_token=first.next_page_token)

    assert [alert.subject for alert in (*first.alerts, *second.alerts)] == [*GAPS]
    assert not second.next_page_token
    alert = first.alerts[0]
    assert stub.GetAlert(alert_pb2.GetAlertRequest(name=alert.name)) == alert
    assert (alert.rule, alert.watch, alert.reason) == ("log-gap", "log_gap", "SEGMENT_GAP")
    assert (alert.severity, alert.state) == (alert_pb2.ALERT_SEVERITY_CRITICAL, alert_pb2.ALERT_STATE_RAISED)
    assert (alert.count, alert.first_time) == (1, alert.last_time)
    absent = ("value", "bound", "rows", "resolve_time", "acknowledge_time")
    assert [name for name in absent if alert.HasField(name)] == []  # type: ignore[arg-type]  # names of fields


def test_an_acknowledged_alert_names_its_caller_and_leaves_the_unseen_ones(stub: MonitorServiceStub) -> None:
    """Without TLS the caller is unverified; a second acknowledgement is refused."""
    seen = _list(stub).alerts[1]
    request = alert_pb2.AcknowledgeAlertRequest(name=seen.name, note="a scorer's disk was replaced")

    acknowledged = stub.AcknowledgeAlert(request)
    again = _refusal(lambda: stub.AcknowledgeAlert(request))

    assert acknowledged.state == alert_pb2.ALERT_STATE_ACKNOWLEDGED
    assert (acknowledged.acknowledged_by, acknowledged.note) == ("unverified", "a scorer's disk was replaced")
    assert (again.code, again.reason) == ("FAILED_PRECONDITION", "ALERT_ACKNOWLEDGED")
    unseen = _list(stub, states=[alert_pb2.ALERT_STATE_RAISED])
    assert [alert.subject for alert in unseen.alerts] == [GAPS[0], GAPS[2]]
    assert not _list(stub, severity=alert_pb2.ALERT_SEVERITY_WARNING).alerts


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"states": [alert_pb2.ALERT_STATE_RAISED, alert_pb2.ALERT_STATE_UNSPECIFIED]}, "states[1]"),
        ({"severity": 9}, "severity"),
        ({"model_version": "models/m/versions/champion"}, "model_version"),
        ({"page_size": 1_001}, "page_size"),
        ({"page_token": "eA"}, "page_token"),
    ],
)
def test_a_filter_that_no_alert_can_match_is_refused_by_its_field(
    stub: MonitorServiceStub, fields: dict[str, object], field: str
) -> None:
    """An empty list would read as if all were well."""
    refusal = _refusal(lambda: _list(stub, **fields))

    assert (refusal.code, [each.field for each in refusal.fields]) == ("INVALID_ARGUMENT", [field])


def test_an_alert_that_is_not_there_is_named(stub: MonitorServiceStub) -> None:
    """By its reason; what is no name at all by its field."""
    absent = _refusal(lambda: stub.GetAlert(alert_pb2.GetAlertRequest(name="alerts/al-none")))
    malformed = _refusal(lambda: stub.AcknowledgeAlert(alert_pb2.AcknowledgeAlertRequest(name="al-none")))

    assert (absent.code, absent.reason) == ("NOT_FOUND", "ALERT_NOT_FOUND")
    assert [each.field for each in malformed.fields] == ["name"]


def test_a_monitor_posts_its_alerts_to_the_webhook_of_its_settings(tmp_path: Path) -> None:
    """A gap in the log reaches whoever is on call."""
    with webhook_server() as server:
        settings = replace(settings_in(tmp_path), webhook_url=server.url, webhook_secret="secret")  # noqa: S106
        with monitor(settings, models=KnownModels(model_facts()), job_command=HANGING_JOB) as stub:
            _leave_gap(stub, "a")
            (post,) = server.wait_for(1)

    assert b'"SEGMENT_GAP"' in post.body
    assert "secret" not in repr(settings)


def test_a_monitor_does_not_start_with_rules_that_are_wrong(tmp_path: Path) -> None:
    """It would watch less than its operator believes."""
    (tmp_path / "rules.toml").write_text('version = 1\n[[rule]]\nname = "auc"\nwatches = "auc_drop"\n')

    with pytest.raises(InvalidInput) as refusal:
        build(replace(settings_in(tmp_path), alert_rules=tmp_path / "rules.toml"), models=KnownModels())

    assert {each.field for each in refusal.value.violations} >= {"rule 'auc'.severity", "rule 'auc'.bound"}
