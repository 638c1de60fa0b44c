"""Watching a job over a real channel: every news, the end, and what ends the stream otherwise."""

import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from counterfoil.client.errors import call_error
from counterfoil.client.watching import follow
from counterfoil.trainer.v1 import dataset_pb2
from counterfoil.types.v1 import job_pb2
from shared.jobs.store import Job, JobStore
from shared.rpc.jobs import job_to_proto, watch
from shared.rpc.server import Service
from tests.service.rpc_service import running, trainer


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    """Return a store with the queued job "a"."""
    store = JobStore(f"sqlite:///{tmp_path / 'jobs.db'}")
    store.create(id="a", kind="dataset", payload="", caller="")
    return store


def watching(store: JobStore, stopping: threading.Event) -> Service:
    """Return a service that streams the news of the job which the request names."""

    def watch_dataset(
        request: dataset_pb2.WatchDatasetRequest, context: grpc.ServicerContext
    ) -> Iterator[dataset_pb2.WatchDatasetResponse]:
        for job in watch(store, request.name, lambda: context.is_active() and not stopping.is_set()):
            yield news_of(job)

    return trainer(watch_dataset)


def news_of(job: Job) -> dataset_pb2.WatchDatasetResponse:
    """Return a job as its news."""
    return dataset_pb2.WatchDatasetResponse(dataset=dataset_pb2.Dataset(job=job_to_proto(job)))


def test_a_client_follows_a_job_to_its_end(store: JobStore) -> None:
    """The state as it is comes first, then what changes, and the last news has ended."""
    with running(watching(store, threading.Event())) as service:
        news = follow(lambda: service.watch("a"), job=lambda each: each.dataset.job)
        seen = [next(news).dataset.job]
        store.start("a")
        seen.append(next(news).dataset.job)
        store.report("a", 1, 0.5, "half way")
        seen.append(next(news).dataset.job)
        store.succeed("a", 1, "made")
        seen.extend(each.dataset.job for each in news)

    assert [job.state for job in seen] == [
        job_pb2.JOB_STATE_QUEUED,
        job_pb2.JOB_STATE_RUNNING,
        job_pb2.JOB_STATE_RUNNING,
        job_pb2.JOB_STATE_SUCCEEDED,
    ]
    assert [job.progress.fraction for job in seen] == [0.0, 0.0, 0.5, 1.0]


def test_a_stop_of_the_server_ends_the_stream_early(store: JobStore) -> None:
    """The client sees an end without an ended job, and may open the stream anew."""
    stopping = threading.Event()

    with running(watching(store, stopping), stopping=stopping) as service:
        call = service.watch("a")
        first = next(call)
        service.server.stop(grace_seconds=1000)
        rest = list(call)

    assert first.dataset.job.state == job_pb2.JOB_STATE_QUEUED
    assert rest == []


def test_watching_an_unknown_job_is_not_found(store: JobStore) -> None:
    """The stream ends with the error before any news."""
    with running(watching(store, threading.Event())) as service, pytest.raises(grpc.RpcError) as error:
        next(service.watch("nobody"))

    assert (call_error(error.value).code, call_error(error.value).reason) == ("NOT_FOUND", "JOB_NOT_FOUND")
