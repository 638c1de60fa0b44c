"""The one place where the scorer is put together."""

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from typing import Final, TypeVar

import grpc
from prometheus_client import CollectorRegistry

from counterfoil.client.channels import MESSAGE_LIMIT_BYTES, TlsFiles, open_channel
from counterfoil.inference.v2 import open_inference_pb2, open_inference_pb2_grpc
from counterfoil.scorer.v1 import scorer_pb2, scorer_pb2_grpc
from services.scorer.adapters.call_locks import CallLocks
from services.scorer.adapters.loading import Loader, Registry
from services.scorer.adapters.other_spools import OtherSpools
from services.scorer.adapters.past_bundles import PastBundles
from services.scorer.adapters.shipping import SEAL_SECONDS, MonitorLog, Shipper
from services.scorer.adapters.spool import Spool
from services.scorer.desk import Answering, Desk
from services.scorer.domain.serving import Served, Serving
from services.scorer.failures import EVERY_SECONDS as FAILURE_SECONDS
from services.scorer.failures import Failures
from services.scorer.idempotence import OnceAmongProcesses
from services.scorer.inference_rpcs import InferenceServicer
from services.scorer.messages import model_version_of
from services.scorer.metrics import Meter, spool_watch
from services.scorer.pipeline import Pipeline
from services.scorer.process import cores, freeze_memory
from services.scorer.readiness import RETRY_SECONDS, Readiness
from services.scorer.replaying import Replayer
from services.scorer.servicer import ScorerServicer
from services.scorer.settings import Settings
from services.scorer.siblings import Siblings
from services.scorer.streaming import ChunkDesk
from shared.bundle.registry import ModelRegistry
from shared.logs import log_event
from shared.metrics import serve_metrics
from shared.mlflow_store import prepare
from shared.rpc.boundary import FailedRpc, FinishedRpc
from shared.rpc.log import RpcLog
from shared.rpc.server import RpcServer, ServerSettings, Service, build_server

SERVICE_NAME: Final = scorer_pb2.DESCRIPTOR.services_by_name["ScorerService"].full_name
INFERENCE_SERVICE_NAME: Final = open_inference_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"].full_name
SHIPPING_GRACE_SECONDS: Final = 5.0
MAX_STREAMS: Final = 8
HANDLER_THREADS: Final = 48
CROWD: Final = 128
MAX_WAITING: Final = 4096
_LOGGER = logging.getLogger("counterfoil.scorer")
T = TypeVar("T")


@dataclass(frozen=True)
class App:
    """A scorer whose threads run and whose server is bound, not started. Stop the server first, then the app."""

    server: RpcServer
    _closing: ExitStack

    def stop(self) -> None:
        """Answer what waits, ship what the grace allows, and close the spool, which keeps the rest."""
        self._closing.close()


def build(
    settings: Settings,
    *,
    registry: Registry | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    retry_seconds: float = RETRY_SECONDS,
    seal_seconds: float = SEAL_SECONDS,
    computing_threads: int = 0,
    failure_seconds: float = FAILURE_SECONDS,
) -> App:
    """Return the scorer, loading its model in the background; health says SERVING once a bundle is verified.

    Chunks of rows are computed by `computing_threads`, 0 for one a core.
    Raises Precondition (SPOOL_LOCKED, INSECURE_REMOTE_ADDRESS, ADDRESS_IN_USE), InvalidInput for unusable settings,
    Exhausted or Unavailable if the spool cannot be opened.
    """
    with ExitStack() as opened:
        spool = Spool(settings.spool_folder, clock=clock, max_bytes=settings.spool_max_bytes)
        opened.callback(spool.close)
        shipper = _shipper(settings, spool, seal_seconds, opened)
        loader = _loader(settings, registry, clock)
        challenger = _challenger(settings, loader, retry_seconds, opened)
        serving = Serving(settings.model, loader.load, named=loader.named, challenger=challenger)
        meter = _meter(settings, spool, opened)
        failures = Failures(
            spool, meter, clock=clock, serving=partial(_champion_version, serving), every_seconds=failure_seconds
        )
        opened.callback(failures.stop)
        desk = Desk(serving, spool, clock=clock, on_recorded=shipper.recorded, meter=meter)
        answer = _answering(settings, desk, clock, opened)
        replayer = Replayer(PastBundles(loader.registry.fetch_bundle, prepare=loader.prepare).find)
        chunks = ChunkDesk(spool, clock=clock, rows_failed=failures.chunk_rows_failed, on_recorded=shipper.recorded)
        pipeline = Pipeline(computing=computing_threads or cores(), streams=MAX_STREAMS)
        opened.callback(pipeline.stop)
        scorer = ScorerServicer(
            serving,
            answer,
            desk.answer_unread,
            replayer=replayer,
            chunks=chunks,
            pipeline=pipeline,
            siblings=Siblings(settings.sibling_sockets),
            rows_failed=failures.rows_failed,
        )
        services = _services(scorer, InferenceServicer(serving, answer, failures.rows_failed))
        rpc_log = RpcLog()
        server = _server(settings, services, _each(meter.ended, rpc_log), failures.failed)
        serving.when_served(_each(meter.serves, partial(_announce, server)))
        readiness = _readiness(settings, serving, loader, retry_seconds)
        for part in (shipper, rpc_log, failures, desk, readiness):
            part.start()
        opened.callback(rpc_log.stop)
        opened.callback(desk.stop)
        opened.callback(readiness.stop)
        return App(server, opened.pop_all())


def _answering(settings: Settings, desk: Desk, clock: Callable[[], datetime], opened: ExitStack) -> Answering:
    """Return what answers: the desk, and where there are other spools, only what they have no answer to."""
    folders = settings.other_spool_folders
    if not folders:
        return desk.answer
    others, locks = OtherSpools(folders, clock=clock), CallLocks(settings.call_locks)
    opened.callback(others.close)
    opened.callback(locks.close)
    return OnceAmongProcesses(desk.answer, others, locks).answer


def _champion_version(serving: Serving) -> str:
    return "" if serving.champion is None else serving.champion.model_version


def _each(*listeners: Callable[[T], None]) -> Callable[[T], None]:
    """Return what tells every listener, in order."""

    def tell(what: T) -> None:
        """Tell each."""
        for listener in listeners:
            listener(what)

    return tell


def _meter(settings: Settings, spool: Spool, opened: ExitStack) -> Meter:
    """Return what counts; it is polled here, unless the process is a worker, whose supervisor is polled."""
    registry = CollectorRegistry()
    meter = Meter(registry)
    watch = spool_watch(spool.depth, meter.spool)
    watch.start()
    opened.callback(watch.stop)
    if settings.scorer_worker is None:
        metrics = serve_metrics(registry, settings.scorer_metrics_address, setting="scorer_metrics_address")
        if metrics is not None:
            opened.callback(metrics.stop)
    return meter


def _shipper(settings: Settings, spool: Spool, seal_seconds: float, opened: ExitStack) -> Shipper:
    tls = None
    if settings.monitor_tls_ca is not None:
        tls = TlsFiles(settings.monitor_tls_ca, settings.tls_certificate, settings.tls_key)
    channel = open_channel(settings.monitor_address, tls=tls)
    opened.callback(channel.close)
    log = MonitorLog(channel)
    shipper = Shipper(spool, log.ingest, seal_seconds=seal_seconds)
    opened.callback(shipper.stop, log.give_up, grace_seconds=SHIPPING_GRACE_SECONDS)
    return shipper


def _loader(settings: Settings, registry: Registry | None, clock: Callable[[], datetime]) -> Loader:
    """Return what loads the champion; MLflow is first touched when it does."""
    if registry is not None:
        return Loader(registry, settings.model, settings.alias, settings.cache_folder, clock, barred=settings.barred)
    mlflow_registry = ModelRegistry(settings.mlflow_uri, cache=settings.cache_folder)

    @cache
    def prepared() -> None:
        """Make MLflow's database ready, once."""
        prepare(settings.mlflow_uri, settings.mlflow_artifacts)

    return Loader(
        mlflow_registry, settings.model, settings.alias, settings.cache_folder, clock, prepared, settings.barred
    )


def _challenger(settings: Settings, loader: Loader, retry_seconds: float, opened: ExitStack) -> Serving | None:
    """Return what serves the challenger, already loading; None if none is wanted."""
    if not settings.challenger_alias:
        return None
    beside = replace(loader, alias=settings.challenger_alias)
    serving = Serving(settings.model, beside.load, named=beside.named, optional=True)
    readiness = _readiness(settings, serving, beside, retry_seconds)
    readiness.start()
    opened.callback(readiness.stop)
    return serving


def _readiness(settings: Settings, serving: Serving, loader: Loader, retry_seconds: float) -> Readiness:
    return Readiness(serving, loader.load_last, retry_seconds=retry_seconds, watch_seconds=settings.watch_seconds)


def _services(scorer: ScorerServicer, inference: InferenceServicer) -> list[Service]:
    """Return our service, and the one for clients that know the Open Inference Protocol alone."""

    def add_scorer(server: grpc.Server) -> None:
        """Add our servicer."""
        scorer_pb2_grpc.add_ScorerServiceServicer_to_server(scorer, server)

    def add_inference(server: grpc.Server) -> None:
        """Add the protocol's servicer."""
        open_inference_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(inference, server)

    return [
        Service(SERVICE_NAME, add_scorer, serving=False, unparsed=("Score", "StreamScore")),
        Service(INFERENCE_SERVICE_NAME, add_inference, serving=False),
    ]


def _server(
    settings: Settings,
    services: Sequence[Service],
    on_rpc: Callable[[FinishedRpc], None],
    on_failure: Callable[[FailedRpc], None],
) -> RpcServer:
    listening = ServerSettings(
        address=settings.scorer_address,
        tls_certificate=settings.tls_certificate,
        tls_key=settings.tls_key,
        tls_client_ca=settings.tls_client_ca,
        allow_insecure_remote=settings.allow_insecure_remote,
        max_message_bytes=MESSAGE_LIMIT_BYTES,
        share_port=settings.scorer_worker is not None,
        handler_threads=HANDLER_THREADS,
        crowd_rpcs=CROWD,
        max_waiting_rpcs=MAX_WAITING,
        max_connection_rpcs=settings.scorer_connection_calls,
        private_socket=settings.private_socket,
    )
    return build_server(listening, services, on_rpc=on_rpc, on_failure=on_failure, model_version_of=model_version_of)


def _announce(server: RpcServer, served: Served) -> None:
    for name in (SERVICE_NAME, INFERENCE_SERVICE_NAME):
        server.set_serving(name, True)
    freeze_memory()
    log_event(
        _LOGGER,
        "bundle served",
        model_version=served.model_version,
        bundle_digest=served.bundle.digest,
        kernel_id=served.bundle.kernel_id,
        applicants=served.applicants.complete,
    )
