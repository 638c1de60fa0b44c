"""The one place where the trainer is put together."""

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import cast

import grpc

from counterfoil.trainer.v1 import trainer_pb2
from counterfoil.trainer.v1.trainer_pb2_grpc import add_TrainerServiceServicer_to_server
from services.trainer.adapters.audit_trail import AuditTrail
from services.trainer.auditing import Audited
from services.trainer.follow_up import FollowUp
from services.trainer.inspection import Inspector
from services.trainer.intake import Intake, random_id
from services.trainer.kinds import DATASET, TRAINING
from services.trainer.lineage import Genealogist
from services.trainer.servicer import TrainerServicer
from services.trainer.settings import Settings
from services.trainer.stewardship import Stewardship
from services.trainer.turns import looking_turns
from shared.features.keeping import ENVIRONMENT
from shared.jobs.runner import JobRunner
from shared.jobs.store import JobStore
from shared.mlflow_store import quieten
from shared.rpc.server import RpcServer, Service, build_server
from shared.settings import environment_of

SERVICE = trainer_pb2.DESCRIPTOR.services_by_name["TrainerService"].full_name
_JOB = (sys.executable, "-m", "services.trainer.job")


@dataclass(frozen=True)
class App:
    """A trainer whose jobs run; `server` is bound and not started, `stop` ends the jobs once it has stopped."""

    server: RpcServer
    stop: Callable[[], None]


def build(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    new_id: Callable[[], str] = random_id,
) -> App:
    """Return the trainer; jobs that an earlier life left running, and queued ones, begin.

    Raises what makes it unusable: InvalidInput, Precondition or Unavailable.
    """
    store = JobStore(settings.job_store_url, clock=clock)
    follow_up = FollowUp(settings)
    runner = JobRunner(
        store,
        command=_JOB,
        environment=_environment(settings),
        max_running=settings.trainer_jobs_at_once,
        attempts=dict.fromkeys((DATASET, TRAINING), settings.trainer_job_attempts),
        on_end=follow_up.job_ended,
    )
    stopping = threading.Event()
    trail = AuditTrail(settings.job_store_url, clock=clock)
    changing, turns = threading.Lock(), looking_turns()
    servicer = TrainerServicer(
        store=store,
        intake=Intake(store, runner, settings.tables_root, changing, turns, new_id),
        versions=follow_up.versions,
        stewardship=Stewardship(store, follow_up.versions, clock, changing),
        stopping=stopping,
        genealogist=Genealogist(store, follow_up.versions),
        trail=trail,
        inspector=Inspector(store, settings.tables_root, follow_up.fetch_split, turns),
    )
    audited = cast("TrainerServicer", Audited(servicer, trail))
    add: Callable[[grpc.Server], None] = partial(add_TrainerServiceServicer_to_server, audited)
    server = build_server(settings.server, [Service(SERVICE, add)], stopping=stopping)
    follow_up.start()
    runner.start()

    def stop() -> None:
        """End the jobs first: what they leave open is then cleared up."""
        runner.stop()
        follow_up.stop()

    return App(server, stop)


def _environment(settings: Settings) -> dict[str, str]:
    """Return what the children's processes see: this one's variables, with the settings as they were given here."""
    # OpenMP's threads wait for each other spinning, unless told otherwise. Where something else wants the cores, that
    # made a training of 1 s take 27.
    variables = {"OMP_WAIT_POLICY": "PASSIVE", **ENVIRONMENT, **os.environ, **environment_of(settings)}
    quieten(variables)
    return variables
