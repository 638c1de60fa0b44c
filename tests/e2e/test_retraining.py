"""Drift to alert, proposal, approval, training and challenger: real services under mutual TLS, nothing but gRPC."""

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import grpc
import numpy as np
import polars as pl
import pytest

from counterfoil.client.channels import TlsFiles, open_channel
from counterfoil.client.errors import call_error
from counterfoil.monitor.v1 import alert_pb2, retraining_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from counterfoil.trainer.v1 import dataset_pb2, training_pb2
from counterfoil.trainer.v1.trainer_pb2_grpc import TrainerServiceStub
from services.monitor import app as monitor_app
from services.monitor.settings import Settings as MonitorSettings
from services.trainer import app as trainer_app
from services.trainer.settings import Settings as TrainerSettings
from shared.bundle.facts import read_facts
from shared.bundle.registry import ModelRegistry
from shared.mlflow_store import prepare
from tests.adapters.mlflow_stores import MlflowStore, connected
from tests.german_credit import PREPARED, german_credit
from tests.lending import eventually
from tests.processes import free_port
from tests.service import monitors
from tests.service import trainer as trainers
from tests.service.certificates import Authority, make_authority
from tests.unit.monitor.segments import Spool

MODEL = "credit-default"
Kind = TypeVar("Kind", TrainerSettings, MonitorSettings)
OPEN = retraining_pb2.RETRAIN_PROPOSAL_STATE_OPEN
SUCCEEDED = retraining_pb2.RETRAIN_PROPOSAL_STATE_SUCCEEDED


@dataclass(frozen=True)
class Services:
    """A trainer and a monitor that ask for certificates, and who may sign those."""

    authority: Authority
    trainer: TrainerSettings
    monitor_port: int

    @contextmanager
    def as_(self, name: str) -> Iterator[tuple[TrainerServiceStub, MonitorServiceStub]]:
        """Call both under a name."""
        pair = self.authority.issue(name, f"/CN={name}")
        tls = TlsFiles(self.authority.pair.certificate, pair.certificate, pair.key)
        with (
            open_channel(self.trainer.trainer_address, tls=tls) as trainer,
            open_channel(f"127.0.0.1:{self.monitor_port}", tls=tls) as monitor,
        ):
            yield TrainerServiceStub(trainer), MonitorServiceStub(monitor)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Run both in this process, their jobs in processes of their own."""
    folder = tmp_path_factory.mktemp("retraining")
    authority = make_authority(folder)
    training = _secured(trainers.settings_in(folder), authority, "trainer")
    training = replace(training, trainer_address=f"127.0.0.1:{free_port()}")
    training.tables_root.mkdir()
    german_credit().write_csv(training.tables_root / PREPARED.path)
    watching = replace(
        _secured(monitors.settings_in(folder), authority, "monitor"),
        trainer_address=training.trainer_address,
        trainer_tls_ca=authority.pair.certificate,
        drift_refresh_s=0.2,
    )
    with connected(MlflowStore(training.mlflow_uri, training.mlflow_artifacts)), ExitStack() as running:
        prepare(training.mlflow_uri, training.mlflow_artifacts)
        for app in (trainer_app.build(training), monitor := monitor_app.build(watching)):
            app.server.start()
            running.callback(app.stop)
            running.callback(app.server.stop, grace_seconds=0)
        yield Services(authority, training, monitor.server.port)


def _secured(settings: Kind, authority: Authority, name: str) -> Kind:
    pair = authority.issue(name, f"/CN={name}")
    return replace(
        settings,
        tls_certificate=pair.certificate,
        tls_key=pair.key,
        tls_client_ca=authority.pair.certificate,
    )


@pytest.fixture(scope="module")
def champion(services: Services) -> training_pb2.ModelVersion:
    """Return a champion that an analyst trained and an officer promoted."""
    options = dataset_pb2.CleaningOptions(imputation=dataset_pb2.IMPUTATION_NONE, min_variance=0.0)
    with services.as_("analyst") as (trainer, _):
        asked = dataset_pb2.CreateDatasetRequest(prepared=PREPARED, options=options, seed=5)
        made = trainer.CreateDataset(asked)
        *_, dataset = trainer.WatchDataset(dataset_pb2.WatchDatasetRequest(name=made.name))
        job = trainer.CreateTrainingJob(trainers.training_request(dataset.dataset.name, model=MODEL))
        *_, news = trainer.WatchTrainingJob(training_pb2.WatchTrainingJobRequest(name=job.name))
        assert news.training_job.model_version, news.training_job.job
    with services.as_("officer") as (trainer, _):
        wish = training_pb2.PromoteModelVersionRequest(name=news.training_job.model_version, reason="the first one")
        return trainer.PromoteModelVersion(wish)


def _decide_on_other_applicants(services: Services, champion: training_pb2.ModelVersion, folder: Path) -> None:
    """Log decisions on applicants of another world, as a scorer would."""
    registry = ModelRegistry(services.trainer.mlflow_uri, cache=folder)
    facts = read_facts(registry.fetch_bundle(registry.resolve(MODEL, "1")))
    train = pl.read_parquet(registry.fetch_split(facts.manifest.dataset, "train")).select(facts.schema.names)
    values = np.repeat(train.cast(pl.Float64).to_numpy() * 3 + 1, 2, axis=0)
    with services.as_("scorer") as (_, monitor):
        sender = monitors.Sender(monitor, champion.bundle_digest, Spool())
        sender.send(values, time=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1))


def _proposals(
    monitor: MonitorServiceStub, *states: retraining_pb2.RetrainProposalState.ValueType
) -> list[retraining_pb2.RetrainProposal]:
    request = retraining_pb2.ListRetrainProposalsRequest(states=states, model=f"models/{MODEL}")
    return list(monitor.ListRetrainProposals(request).retrain_proposals)


def test_drift_leads_to_a_challenger_that_only_somebody_else_can_promote(
    services: Services, champion: training_pb2.ModelVersion, tmp_path: Path
) -> None:
    """Everybody is on record under their own name, and the champion is the old one until a third person acts."""
    _decide_on_other_applicants(services, champion, tmp_path)

    with services.as_("approver") as (trainer, monitor):
        eventually(
            lambda: any(each.HasField("training_request") for each in _proposals(monitor, OPEN)),
            timeout_s=120,
            what="a proposal",
        )
        (proposal,) = _proposals(monitor, OPEN)
        alert = monitor.GetAlert(alert_pb2.GetAlertRequest(name=proposal.alert))
        # Newer applications have come in under the same name.
        newer = german_credit().with_columns(pl.col("duration_in_month").cast(pl.Int64) * 2)
        newer.write_csv(services.trainer.tables_root / PREPARED.path)
        approval = retraining_pb2.ApproveRetrainProposalRequest(
            name=proposal.name, etag=proposal.etag, reason="loans last longer now"
        )
        approved = monitor.ApproveRetrainProposal(approval)
        with pytest.raises(grpc.RpcError) as twice:
            monitor.ApproveRetrainProposal(approval)
        eventually(lambda: bool(_proposals(monitor, SUCCEEDED)), timeout_s=240, what="a challenger")
        (ended,) = _proposals(monitor)
        challenger = trainer.GetModelVersion(training_pb2.GetModelVersionRequest(name=ended.challenger))
        with pytest.raises(grpc.RpcError) as alone:
            trainer.PromoteModelVersion(training_pb2.PromoteModelVersionRequest(name=challenger.name))

    assert (alert.watch, alert.state) == ("data_drift", alert_pb2.ALERT_STATE_RAISED)
    assert alert.model_version == proposal.model_version == champion.name
    assert (proposal.source_dataset, proposal.dataset_request.prepared) == (champion.dataset, PREPARED)
    assert proposal.training_request.classifier == "lightgbm"
    assert (approved.decided_by, approved.decision_reason) == ("approver", "loans last longer now")
    assert call_error(twice.value).reason == "PROPOSAL_DECIDED"
    assert challenger.aliases == ["challenger"]
    assert challenger.dataset == ended.dataset != champion.dataset
    assert (challenger.creator, challenger.on_behalf_of) == ("monitor", "approver")
    (move,) = challenger.alias_moves
    assert move.reason == f"{proposal.name}, approved by approver: loans last longer now"
    assert call_error(alone.value).reason == "SAME_APPROVER"
    with services.as_("officer") as (trainer, _):
        request = training_pb2.GetModelVersionRequest(name=f"models/{MODEL}/versions/champion")
        assert trainer.GetModelVersion(request).name == champion.name
        promoted = trainer.PromoteModelVersion(training_pb2.PromoteModelVersionRequest(name=challenger.name))
    assert promoted.aliases == ["champion"]
