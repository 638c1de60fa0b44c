"""Erasures as durable jobs: asked for, followed, listed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from services.monitor.adapters.erasure_subjects import ErasureSubjects
from services.monitor.domain.erasure import ErasureRequest, ErasureResult, ErasureWish, Subject
from services.monitor.erasing import KIND
from shared.jobs.store import Job, JobState, JobStore
from shared.rpc.jobs import watch


@dataclass(frozen=True)
class Erasure:
    """An erasure: its job, why it was asked for, and what it erased once it has succeeded."""

    job: Job
    request: ErasureRequest
    result: ErasureResult | None


@dataclass(frozen=True)
class Erasures:
    """The erasures of a job store; `wake` tells that there is a job, `new_id` gives a name that no erasure had."""

    store: JobStore
    subjects: ErasureSubjects
    wake: Callable[[], None]
    new_id: Callable[[], str]

    def create(self, wish: ErasureWish, *, request_id: str, caller: str) -> Erasure:
        """Store an erasure to be done and return it; one with the request_id of an equal one returns that.

        Raises AlreadyExists (REQUEST_ID_REUSED).
        """
        request = ErasureRequest(self.subjects.digest(wish.subject), wish.reason, wish.reference)
        erasure_id = self.new_id()
        # Before the job, which may start at once; kept for nothing where the job is another's or cannot be stored.
        self.subjects.keep(erasure_id, wish.subject)
        made = ""
        try:
            job = self.store.create(
                id=erasure_id,
                kind=KIND,
                payload=request.to_json(),
                caller=caller,
                request_id=request_id,
                label=request.subject_digest,
            )
            made = job.id
        finally:
            if made != erasure_id:
                self.subjects.forget(erasure_id)
        self.wake()
        return _erasure(job)

    def get(self, erasure_id: str) -> Erasure:
        """Return the erasure; raises NotFound (JOB_NOT_FOUND)."""
        return _erasure(self.store.get(erasure_id, kind=KIND))

    def list(self, *, page_size: int, before: str, subject: Subject | None) -> tuple[list[Erasure], str]:
        """Return erasures, newest first, of one subject if one is named, and the position to go on before."""
        label = self.subjects.digest(subject) if subject is not None else ""
        jobs, position = self.store.list(kind=KIND, page_size=page_size, before=before, label=label)
        return [_erasure(job) for job in jobs], position

    def watch(self, erasure_id: str, is_active: Callable[[], bool]) -> Iterator[Erasure]:
        """Yield the erasure and its news until its job has ended; raises NotFound (JOB_NOT_FOUND)."""
        self.get(erasure_id)
        for job in watch(self.store, erasure_id, is_active):
            yield _erasure(job)


def _erasure(job: Job) -> Erasure:
    request = ErasureRequest.from_json(job.payload)
    done = job.state is JobState.SUCCEEDED and job.result is not None
    return Erasure(job, request, ErasureResult.from_json(job.result or "") if done else None)
