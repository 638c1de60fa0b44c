"""Following a job across broken streams, with streams that break on purpose."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from counterfoil.client.watching import follow
from counterfoil.types.v1 import job_pb2

RUNNING = job_pb2.Job(state=job_pb2.JOB_STATE_RUNNING)
SUCCEEDED = job_pb2.Job(state=job_pb2.JOB_STATE_SUCCEEDED)


class BrokenStream(grpc.RpcError, grpc.Call):  # grpc makes its own errors so
    """The error with which a stream ends."""

    def __init__(self, code: grpc.StatusCode) -> None:
        self._code = code

    def code(self) -> grpc.StatusCode:
        """Return the status code."""
        return self._code

    def details(self) -> str:
        """Return no text."""
        return ""

    def initial_metadata(self) -> Any:
        """Return none."""
        return ()

    def trailing_metadata(self) -> Any:
        """Return none."""
        return ()

    def is_active(self) -> bool:
        """Return that the call has ended."""
        return False

    def time_remaining(self) -> float:
        """Return no time."""
        return 0.0

    def cancel(self) -> bool:
        """Return that there was nothing to cancel."""
        return False

    def add_callback(self, callback: Callable[[], None]) -> bool:  # noqa: ARG002  grpc's signature
        """Return that the call has ended before."""
        return False


class Service:
    """Opens one scripted stream after another: jobs, and possibly an error at the end."""

    def __init__(self, *streams: list[job_pb2.Job | Exception]) -> None:
        self._streams = list(streams)
        self.pauses: list[float] = []

    def watch(self) -> Iterator[job_pb2.Job]:
        """Yield the next stream's jobs; the last stream serves for good."""
        for each in self._streams.pop(0) if len(self._streams) > 1 else self._streams[0]:
            if isinstance(each, Exception):
                raise each
            yield each

    def follow(self) -> list[job_pb2.Job]:
        """Return every news until the job has ended."""
        return list(follow(self.watch, job=lambda news: news, attempts=4, pause=self.pauses.append))


def _broken(code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE) -> Exception:
    return BrokenStream(code)


def test_news_arrive_in_order_until_the_job_has_ended() -> None:
    """The last news is the one that ended."""
    service = Service([RUNNING, RUNNING, SUCCEEDED])

    assert service.follow() == [RUNNING, RUNNING, SUCCEEDED]
    assert service.pauses == []


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED])
def test_broken_stream_is_opened_anew(code: grpc.StatusCode) -> None:
    """A restart or a deadline is no end of the job."""
    service = Service([RUNNING, _broken(code)], [], [SUCCEEDED])

    assert service.follow() == [RUNNING, SUCCEEDED]
    assert service.pauses == [0.25, 0.5]


def test_news_start_the_pauses_anew() -> None:
    """Only failures in a row count."""
    broken: list[list[job_pb2.Job | Exception]] = [[RUNNING, _broken()] for _ in range(9)]
    service = Service(*broken, [SUCCEEDED])

    service.follow()

    assert service.pauses == [0.25] * 9


def test_service_that_stays_away_ends_in_its_error() -> None:
    """After so many attempts the last failure is raised as it is."""
    service = Service([_broken()])

    with pytest.raises(BrokenStream):
        service.follow()

    assert service.pauses == [0.25, 0.5, 1.0]


def test_stream_that_always_ends_early_is_an_error() -> None:
    """Otherwise a client would ask forever."""
    with pytest.raises(ConnectionError, match="before the job has ended"):
        Service([]).follow()


def test_other_errors_are_raised_at_once() -> None:
    """A job that is not there will not come by asking again."""
    service = Service([_broken(grpc.StatusCode.NOT_FOUND)])

    with pytest.raises(BrokenStream):
        service.follow()

    assert service.pauses == []


def test_error_after_the_end_does_not_matter() -> None:
    """The job's end was told; what becomes of the stream then is nobody's concern."""
    service = Service([SUCCEEDED, _broken(grpc.StatusCode.INTERNAL)])

    assert service.follow() == [SUCCEEDED]
