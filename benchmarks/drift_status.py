"""How long GetDriftStatus takes over a real channel, for benchmarks.drift."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.ingest_monitor import OneModel
from counterfoil.client.channels import open_channel
from counterfoil.monitor.v1 import drift_status_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub, add_MonitorServiceServicer_to_server
from services.monitor.app import SERVICE
from services.monitor.domain.drift_verdict import DriftVerdict, WindowKind
from services.monitor.domain.status import Tally
from services.monitor.drift_board import DriftBoard
from services.monitor.drift_rpcs import DriftRpcs
from services.monitor.standing import Standing
from shared.rpc.server import ServerSettings, Service, build_server


def status_seconds(verdict: DriftVerdict, calls: int = 400) -> float:
    """Return the median time of a call where this is the verdict on all four windows.

    Every second call knows the status already and gets its tag alone.
    """
    board = DriftBoard()
    board.post(replace(verdict, window=window) for window in WindowKind)
    standing = Standing(lambda _: Tally(verdict.rows), OneModel(), board.verdicts)
    rpcs = DriftRpcs(standing, threading.Event())  # type: ignore[abstract]  # by the stubs; no other rpc is called
    service = Service(SERVICE, lambda server: add_MonitorServiceServicer_to_server(rpcs, server))
    server = build_server(ServerSettings("127.0.0.1:0"), [service], on_rpc=None)
    server.start()
    try:
        with open_channel(f"127.0.0.1:{server.port}") as channel:
            seconds = list(_timed(MonitorServiceStub(channel), verdict.model_version, calls))
    finally:
        server.stop(grace_seconds=0)
    full, known = seconds[::2], seconds[1::2]
    print(f"GetDriftStatus of {len(verdict.features)} features a window: {1_000 * np.median(full):.2f} ms, ", end="")
    print(f"99th percentile {1_000 * np.quantile(full, 0.99):.2f} ms; with its tag {1_000 * np.median(known):.2f} ms")
    return float(np.median(full))


def _timed(stub: MonitorServiceStub, model_version: str, calls: int) -> Iterator[float]:
    request = drift_status_pb2.GetDriftStatusRequest(model_version=model_version)
    known = stub.GetDriftStatus(request).etag
    for call in range(calls):
        request.etag = known if call % 2 else ""
        start = time.perf_counter()
        stub.GetDriftStatus(request)
        yield time.perf_counter() - start
