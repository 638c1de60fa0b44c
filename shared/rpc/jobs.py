"""Jobs on the wire: the message that every long-running resource carries, and the stream that watches one."""

import time
from collections.abc import Callable, Iterator

from counterfoil.types.v1 import job_pb2
from shared.jobs.store import Job, JobState, JobStore
from shared.rpc.times import timestamp_of

_STATES = {
    JobState.QUEUED: job_pb2.JOB_STATE_QUEUED,
    JobState.RUNNING: job_pb2.JOB_STATE_RUNNING,
    JobState.SUCCEEDED: job_pb2.JOB_STATE_SUCCEEDED,
    JobState.FAILED: job_pb2.JOB_STATE_FAILED,
    JobState.CANCELLED: job_pb2.JOB_STATE_CANCELLED,
}
_SLICE_S = 0.5
_BETWEEN_NEWS_S = 0.2


def job_to_proto(job: Job) -> job_pb2.Job:
    """Return the job as it goes over the wire; what it has not (start, end, error) is absent."""
    message = job_pb2.Job(
        state=_STATES[job.state],
        progress=job_pb2.JobProgress(fraction=job.fraction, stage=job.stage),
        create_time=timestamp_of(job.create_time),
        start_time=timestamp_of(job.start_time),
        end_time=timestamp_of(job.end_time),
        attempt=job.attempt,
        caller=job.caller,
    )
    if job.error is not None:
        error = job_pb2.JobError(reason=job.error.reason, message=job.error.message, metadata=job.error.metadata)
        message.error.CopyFrom(error)
    return message


def watch(store: JobStore, job_id: str, is_active: Callable[[], bool]) -> Iterator[Job]:
    """Yield the job as it is now and then its news, at most five a second, until it has ended or nobody listens.

    `is_active` is asked at least twice a second: let it be false when the client has gone or the server stops. The
    last job yielded has ended, unless it became false. Raises NotFound (JOB_NOT_FOUND).
    """
    job = store.get(job_id)
    yield job
    while not job.state.ended:
        time.sleep(_BETWEEN_NEWS_S)
        news = job
        while news.revision == job.revision:
            if not is_active():
                return
            news = store.wait(job_id, after_revision=job.revision, timeout_s=_SLICE_S)
        job = news
        yield job
