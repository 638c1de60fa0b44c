"""Failures in the monitor's log: listed by themselves, and counted among no decisions."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from prometheus_client import CollectorRegistry

from counterfoil.client.errors import call_error
from counterfoil.client.watching import follow
from counterfoil.monitor.v1 import alert_pb2, erasure_pb2, failure_pb2, monitor_pb2, prediction_log_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import job_pb2
from services.scorer.adapters.spool import Spool
from services.scorer.failures import MOST_TOLD, Failures
from services.scorer.metrics import Meter
from shared.rpc.boundary import FailedRpc, FinishedRpc
from tests.clock import Clock
from tests.service.monitors import monitor, settings_in
from tests.unit.monitor.models import MODEL_VERSION, KnownModels, model_facts
from tests.unit.monitor.segments import Spool as Seeded
from tests.unit.monitor.segments import seeded_values


@dataclass
class World:
    """A monitor, and a scorer's spool whose records go to it."""

    stub: MonitorServiceStub
    spool: Spool

    def fail(self, *request_ids: str) -> None:
        """Have calls fail within one second, and send what is recorded of them."""
        failures = Failures(self.spool, Meter(CollectorRegistry()), clock=Clock(), serving=lambda: MODEL_VERSION)
        for each in request_ids:
            rpc = FinishedRpc("/x/Score", each, "", "NOT_FOUND", "APPLICANT_NOT_FOUND", 1.0, "CN=bank")
            failures.failed(FailedRpc(rpc, ["subject.applicant_id"], scorer_pb2.ScoreRequest(request_id=each)))
        failures.stop()
        self.send()

    def send(self) -> None:
        """Send what the spool holds."""
        segment = self.spool.seal(1 << 20)
        assert segment is not None
        self.stub.IngestPredictions(monitor_pb2.IngestPredictionsRequest(segment=segment))
        self.spool.acknowledge(segment)

    def page(self, size: int = 0, token: str = "") -> failure_pb2.ListFailuresResponse:
        """Return a page of what failed."""
        return self.stub.ListFailures(failure_pb2.ListFailuresRequest(page_size=size, page_token=token))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Run a monitor that knows one model, and a spool."""
    spool = Spool(tmp_path / "spool", clock=Clock())
    with monitor(settings_in(tmp_path), models=KnownModels(model_facts())) as stub:
        yield World(stub, spool)
    spool.close()


def told(page: failure_pb2.ListFailuresResponse) -> list[str]:
    """Return the request_ids of a page."""
    return [each.request.request_id for each in page.failures]


def test_failures_are_paged_through_once_each_newest_record_first(world: World) -> None:
    """Also where a page ends within a record; a flood's rest comes as one with its count."""
    world.fail("a", "b", "c")
    world.fail("d")
    world.fail(*(["e"] * MOST_TOLD), "f", "f")

    pages = [world.page(size=MOST_TOLD)]
    while pages[-1].next_page_token:
        pages.append(world.page(size=2, token=pages[-1].next_page_token))

    listed = [each for page in pages for each in page.failures]
    assert [told(page) for page in pages[1:]] == [["", "d"], ["a", "b"], ["c"]]
    assert [each.call.count for each in listed] == [1] * MOST_TOLD + [2, 1, 1, 1, 1]
    assert (listed[-1].call.reason, list(listed[-1].request.fields)) == (
        "APPLICANT_NOT_FOUND",
        ["subject.applicant_id"],
    )
    assert {each.sequence for each in listed} == {1, 2, 3}


def test_no_failure_is_counted_or_listed_as_a_prediction(world: World) -> None:
    """Neither by drift status nor in lists, and no alert takes it for a record that does not fit."""
    world.fail("a")
    decided, _ = Seeded("spool-2").seal(seeded_values(3))
    world.stub.IngestPredictions(monitor_pb2.IngestPredictionsRequest(segment=decided))
    world.fail("b")

    status = world.stub.GetDriftStatus(monitor_pb2.GetDriftStatusRequest(model_version=MODEL_VERSION))
    alerts = world.stub.ListAlerts(alert_pb2.ListAlertsRequest()).alerts

    assert status.prediction_count == 3
    assert told(world.page()) == ["b", "a"]
    assert [each.reason for each in alerts] == []
    for each in world.stub.ListPredictions(prediction_log_pb2.ListPredictionsRequest()).predictions:
        assert each.model_version == MODEL_VERSION


def test_retention_erases_what_was_sent_and_keeps_that_it_failed(world: World) -> None:
    """As it does with predictions."""
    world.fail("a")
    request = erasure_pb2.ErasePersonalDataRequest(reason="policy 7")
    now = Timestamp()
    now.GetCurrentTime()
    request.subject.stored_before.CopyFrom(now)

    name = world.stub.ErasePersonalData(request).name
    watch = erasure_pb2.WatchErasureRequest(name=name)
    *_, last = follow(lambda: world.stub.WatchErasure(watch, timeout=120), job=lambda each: each.erasure.job)

    (left,) = world.page().failures
    assert last.erasure.job.state == job_pb2.JOB_STATE_SUCCEEDED
    assert (left.call.reason, left.HasField("request")) == ("APPLICANT_NOT_FOUND", False)


@pytest.mark.parametrize("token", ["eA", "W10", "WyJhIiwiYiIsImMiLDEsMl0"])
def test_a_token_of_another_list_is_refused(world: World, token: str) -> None:
    """By the field's name."""
    with pytest.raises(grpc.RpcError) as caught:
        world.page(token=token)

    assert [each.field for each in call_error(caught.value).fields] == ["page_token"]
