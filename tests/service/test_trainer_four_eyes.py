"""Under mutual TLS the caller is known: whoever had a version made cannot approve it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from counterfoil.client.channels import TlsFiles, open_channel
from counterfoil.trainer.v1 import governance_pb2, training_pb2
from counterfoil.trainer.v1.trainer_pb2_grpc import TrainerServiceStub
from services.trainer.app import build
from tests.service.certificates import Authority, make_authority
from tests.service.governed import Shelf
from tests.service.trainer import Trainer, elsewhere, refusal_of


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return the authority that both sides trust."""
    return make_authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def port(trainer: Trainer, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run a second trainer at the same MLflow that asks its clients for a certificate, and return its port."""
    server = authority.issue("server", "/CN=trainer")
    settings = replace(
        elsewhere(trainer.settings, tmp_path_factory.mktemp("state")),
        tls_certificate=server.certificate,
        tls_key=server.key,
        tls_client_ca=authority.pair.certificate,
    )
    app = build(settings)
    app.server.start()
    yield app.server.port
    app.server.stop(grace_seconds=0)
    app.stop()


@contextmanager
def _as(authority: Authority, port: int, name: str) -> Iterator[TrainerServiceStub]:
    pair = authority.issue(name, f"/CN={name}")
    with open_channel(f"127.0.0.1:{port}", tls=TlsFiles(authority.pair.certificate, pair.certificate, pair.key)) as on:
        yield TrainerServiceStub(on)


def test_the_author_is_refused_and_another_approves(
    trainer: Trainer, authority: Authority, port: int, tmp_path: Path
) -> None:
    """Both are on record under the names of their certificates."""
    version = Shelf(trainer.settings, tmp_path).register("four-eyes", creator="analyst")
    promote = training_pb2.PromoteModelVersionRequest(name=version, reason="cheaper")

    with _as(authority, port, "analyst") as stub, pytest.raises(grpc.RpcError) as refusal:
        stub.PromoteModelVersion(promote)
    with _as(authority, port, "officer") as stub:
        promoted = stub.PromoteModelVersion(promote)
        events = stub.ListAuditEvents(governance_pb2.ListAuditEventsRequest(resource=version)).audit_events

    said = refusal_of(refusal.value)
    assert (said.code, said.reason) == ("FAILED_PRECONDITION", "SAME_APPROVER")
    assert [move.approver for move in promoted.alias_moves] == ["officer"]
    assert [(event.caller, event.error_reason) for event in events] == [("officer", ""), ("analyst", "SAME_APPROVER")]
