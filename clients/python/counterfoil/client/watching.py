"""Following a job through its Watch rpc, across broken connections, until it has ended."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

import grpc

from counterfoil.types.v1 import job_pb2

News = TypeVar("News")

ENDED: Final = frozenset(
    {job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_CANCELLED},
)
# A stream that a proxy, a deadline or a restart cut off says nothing about the job.
_BROKEN: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})


def follow(
    watch: Callable[[], Iterable[News]],
    *,
    job: Callable[[News], job_pb2.Job],
    attempts: int = 8,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[News]:
    """Yield each news of a job; the last one has ended.

    `watch` opens the stream, `job` takes the job out of a news. A broken stream is opened anew after a growing pause
    (0.25 s to 8 s); news that arrives resets it. Raises the grpc.RpcError of the last of `attempts` failures in a row,
    ConnectionError when the service keeps ending the stream too early, and every other error at once.
    """
    failures = 0
    while True:
        broken: Exception = ConnectionError("the service ends the stream before the job has ended")
        ended = False
        try:
            # Read to the end of the stream: leaving earlier would be a cancelled call in the service's log.
            for news in watch():
                failures = 0
                yield news
                ended = job(news).state in ENDED
        except grpc.RpcError as error:
            if not (ended or _cut_off(error)):
                raise
            broken = error
        if ended:
            return
        failures += 1
        if failures >= attempts:
            raise broken
        pause(min(0.25 * 2 ** (failures - 1), 8.0))


def _cut_off(error: object) -> bool:
    return isinstance(error, grpc.Call) and error.code() in _BROKEN
