"""The durable store of jobs: the contract between a service, its runner and the child processes."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from shared.database import time_of, time_text, utc_now
from shared.errors import AlreadyExists, InvalidInput, NotFound, Precondition
from shared.jobs.database import DELETIONS, JOBS, open_database
from shared.jobs.requests import claim, find_made

STALE_ATTEMPT = "STALE_ATTEMPT"
_POLL_S = 0.1
_POSITION_DIGITS = 18


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def ended(self) -> bool:
        """Whether nothing can change any more."""
        return self not in {JobState.QUEUED, JobState.RUNNING}


@dataclass(frozen=True)
class JobError:
    """Why a job failed: a stable UPPER_SNAKE reason, a sentence with the remedy, and facts for machines."""

    reason: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One piece of long work as the store has it; `revision` grows with every write, `fraction` is 0 to 1.

    `attempt` is 0 until the job first runs. `result` is what the child wrote last: while `state` is not SUCCEEDED, it
    is what is known so far. Times are in UTC.
    """

    id: str
    kind: str
    state: JobState
    payload: str
    caller: str
    fraction: float
    stage: str
    result: str | None
    error: JobError | None
    attempt: int
    create_time: datetime
    start_time: datetime | None
    end_time: datetime | None
    revision: int
    label: str = ""
    cancel_requested: bool = False


JobPage: TypeAlias = tuple[list[Job], str]


class JobStore:
    """Jobs in a database. Thread-safe; several processes may have the same store open.

    Every method raises Unavailable (JOB_STORE_UNAVAILABLE) when the database cannot be read or written.
    """

    def __init__(self, url: str, *, clock: Callable[[], datetime] = utc_now) -> None:
        """Open the store at a SQLAlchemy URL; a SQLite file, its folder and the tables are made where absent."""
        self._database = open_database(url)
        self._clock = clock

    def create(
        self,
        *,
        id: str,  # noqa: A002  the resource's own word
        kind: str,
        payload: str,
        caller: str,
        request_id: str = "",
        label: str = "",
    ) -> Job:
        """Store a new job as QUEUED and return it; `label` is a word that list() can filter by.

        A `request_id` that the caller used for this kind within 24 hours returns that first job if the payload is the
        same, and raises AlreadyExists (REQUEST_ID_REUSED) if not. Raises InvalidInput for one over 128 characters,
        and AlreadyExists (JOB_EXISTS) for an id that is taken.
        """
        values = {"id": id, "kind": kind, "payload": payload, "caller": caller, "label": label}
        # A unique key is violated once when another process stored the same request at the same moment.
        for _ in range(2):
            with suppress(IntegrityError):
                return self._create(values, request_id)
        raise AlreadyExists(f"there is already a job {id}", reason="JOB_EXISTS", metadata={"job": id})

    def find_made(self, *, kind: str, payload: str, caller: str, request_id: str) -> Job | None:
        """Return the job that `create` would return once more, None if it would make one; raises as it does."""
        now = self._clock()
        with self._database.transaction() as connection:
            made = find_made(connection, caller=caller, kind=kind, request_id=request_id, now=now)
            return None if made is None else _first(connection, made, payload)

    def get(self, job_id: str, *, kind: str | None = None, with_deleted: bool = False) -> Job:
        """Return the job; raises NotFound (JOB_NOT_FOUND) when there is none, or only one of another kind.

        One whose result was deleted is NotFound ({KIND}_DELETED), unless asked for.
        """
        with self._database.transaction() as connection:
            row = connection.execute(_job_by_id(job_id)).one_or_none()
            deleted = not with_deleted and connection.execute(select(_deleted(job_id))).scalar_one()
        if row is None or kind not in {None, row.kind}:
            raise NotFound(f"there is no job {job_id}", reason="JOB_NOT_FOUND", metadata={"job": job_id})
        if deleted:
            message = f"{job_id} was deleted; what is left is its place in the history"
            raise NotFound(message, reason=f"{row.kind.upper()}_DELETED", metadata={"job": job_id})
        return _job(row)

    def list(self, *, kind: str, page_size: int, before: str = "", label: str = "") -> JobPage:
        """Return up to `page_size` jobs, newest first, and the position to go on `before`: "" on the last page.

        An empty `label` takes all; deleted ones are left out. Raises InvalidInput for a position that this store did
        not give.
        """
        shown_ones = and_(JOBS.c.kind == kind, ~_deleted(JOBS.c.id))
        query = select(JOBS).where(shown_ones)
        if label:
            query = query.where(JOBS.c.label == label)
        start = _position(before) if before else None
        rows, after = self._database.newest(query, JOBS.c.sequence, page_size=page_size, before=start)
        return [_job(row) for row in rows], "" if after is None else str(after)

    def in_state(self, state: JobState, *, limit: int | None = None) -> tuple[Job, ...]:
        """Return the jobs of every kind in this state, oldest first."""
        query = select(JOBS).where(JOBS.c.state == state).order_by(JOBS.c.sequence).limit(limit)
        with self._database.transaction() as connection:
            return tuple(_job(row) for row in connection.execute(query))

    def counts(self) -> dict[tuple[str, JobState], int]:
        """Return how many jobs there are of each kind and state."""
        query = select(JOBS.c.kind, JOBS.c.state, func.count()).group_by(JOBS.c.kind, JOBS.c.state)
        with self._database.transaction() as connection:
            rows = connection.execute(query).all()
        return {(kind, JobState(state)): count for kind, state, count in rows}

    def of_label(self, label: str) -> tuple[Job, ...]:
        """Return every job of this label, oldest first."""
        query = select(JOBS).where(JOBS.c.label == label).order_by(JOBS.c.sequence)
        with self._database.transaction() as connection:
            return tuple(_job(row) for row in connection.execute(query))

    def delete(self, job_id: str) -> None:
        """Mark that what an ended job made is deleted; again, it does nothing.

        Raises NotFound (JOB_NOT_FOUND), and Precondition (JOB_NOT_ENDED) while it can still make something.
        """
        job = self.get(job_id, with_deleted=True)
        if not job.state.ended:
            message = f"job {job_id} is {job.state.value}; cancel it, or wait until it has ended"
            raise Precondition(message, reason="JOB_NOT_ENDED", metadata={"job": job_id})
        # Another process may have marked it since.
        with suppress(IntegrityError), self._database.transaction() as connection:
            if not connection.execute(select(_deleted(job_id))).scalar_one():
                connection.execute(insert(DELETIONS).values(job_id=job_id, time=self._now()))

    def wait(self, job_id: str, *, after_revision: int, timeout_s: float) -> Job:
        """Return the job as soon as its revision is higher, or as it is after the timeout.

        Writes of other processes are seen within 0.1 s. Raises NotFound (JOB_NOT_FOUND).
        """
        deadline = time.monotonic() + timeout_s
        job = self.get(job_id)
        while job.revision <= after_revision and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(_POLL_S, left))
            job = self.get(job_id)
        return job

    def request_cancel(self, job_id: str) -> Job:
        """End a QUEUED job as CANCELLED, mark a RUNNING one for its runner, leave an ended one; return it as it is now.

        Raises NotFound (JOB_NOT_FOUND).
        """
        this = JOBS.c.id == job_id
        queued = and_(this, JOBS.c.state == JobState.QUEUED)
        running = and_(this, JOBS.c.state == JobState.RUNNING, JOBS.c.cancel_requested.is_(False))
        news = {"revision": JOBS.c.revision + 1, "cancel_requested": True}
        ended = news | {"state": JobState.CANCELLED, "end_time": self._now()}
        with self._database.transaction() as connection:
            connection.execute(update(JOBS).where(queued).values(ended))
            connection.execute(update(JOBS).where(running).values(news))
        return self.get(job_id)

    def start(self, job_id: str) -> Job:
        """Begin the next attempt of a QUEUED job; raises Precondition (STALE_ATTEMPT) when it is not queued.

        What an earlier attempt told of progress and result stays until this one tells more.
        """
        values = {"state": JobState.RUNNING, "attempt": JOBS.c.attempt + 1, "start_time": self._now()}
        where = and_(JOBS.c.id == job_id, JOBS.c.state == JobState.QUEUED)
        return self._write(job_id, where, values | {"stage": ""})

    def requeue(self, job_id: str, attempt: int, stage: str) -> Job:
        """Put a job whose process has ended back into the queue, where it stands before younger ones."""
        return self._write_attempt(job_id, attempt, {"state": JobState.QUEUED, "stage": stage})

    def report(self, job_id: str, attempt: int, fraction: float, stage: str) -> Job:
        """Note how far the attempt has come; a fraction is brought into 0 to 1 and never falls below an earlier one.

        This, requeue() and the four below raise Precondition (STALE_ATTEMPT) when the attempt is not the one that runs.
        """
        share = min(1.0, max(0.0, fraction))
        kept = case((JOBS.c.fraction > share, JOBS.c.fraction), else_=share)
        return self._write_attempt(job_id, attempt, {"fraction": kept, "stage": stage})

    def update_result(self, job_id: str, attempt: int, result: str) -> Job:
        """Replace what is known of the result so far."""
        return self._write_attempt(job_id, attempt, {"result": result})

    def succeed(self, job_id: str, attempt: int, result: str) -> Job:
        """End the job as SUCCEEDED with its result; the fraction becomes 1."""
        return self._end(job_id, attempt, JobState.SUCCEEDED, {"result": result, "fraction": 1.0})

    def fail(self, job_id: str, attempt: int, error: JobError) -> Job:
        """End the job as FAILED."""
        document = json.dumps(dict(error.metadata))
        values = {"error_reason": error.reason, "error_message": error.message, "error_metadata": document}
        return self._end(job_id, attempt, JobState.FAILED, values)

    def cancelled(self, job_id: str, attempt: int) -> Job:
        """End the job as CANCELLED: its process has ended."""
        return self._end(job_id, attempt, JobState.CANCELLED, {})

    def _create(self, values: Mapping[str, str], request_id: str) -> Job:
        now = self._clock()
        caller, kind, job_id = values["caller"], values["kind"], values["id"]
        with self._database.transaction() as connection:
            made = claim(connection, caller=caller, kind=kind, request_id=request_id, job_id=job_id, now=now)
            if made is not None:
                return _first(connection, made, values["payload"])
            new = insert(JOBS).values(**values, state=JobState.QUEUED, create_time=time_text(now))
            return _job(connection.execute(new.returning(JOBS)).one())

    def _end(self, job_id: str, attempt: int, state: JobState, values: Mapping[str, Any]) -> Job:
        return self._write_attempt(job_id, attempt, {**values, "state": state, "end_time": self._now()})

    def _write_attempt(self, job_id: str, attempt: int, values: Mapping[str, Any]) -> Job:
        where = and_(JOBS.c.id == job_id, JOBS.c.attempt == attempt, JOBS.c.state == JobState.RUNNING)
        return self._write(job_id, where, values)

    def _write(self, job_id: str, where: ColumnElement[bool], values: Mapping[str, Any]) -> Job:
        """Change the job where the condition holds, in one statement; raises Precondition where it does not."""
        change = update(JOBS).where(where).values(**values, revision=JOBS.c.revision + 1).returning(JOBS)
        with self._database.transaction() as connection:
            row = connection.execute(change).one_or_none()
        if row is None:
            raise Precondition(
                f"job {job_id} has ended, or another attempt of it runs; nothing was written",
                reason=STALE_ATTEMPT,
                metadata={"job": job_id},
            )
        return _job(row)

    def _now(self) -> str:
        return time_text(self._clock())


def _position(before: str) -> int:
    if not before.isdecimal() or len(before) > _POSITION_DIGITS:
        raise InvalidInput.of("page_token", "is not a token of this list; leave it empty to start anew")
    return int(before)


def _job_by_id(job_id: str) -> Select[Any]:
    return select(JOBS).where(JOBS.c.id == job_id)


def _deleted(job_id: str | ColumnElement[str]) -> ColumnElement[bool]:
    return exists().where(DELETIONS.c.job_id == job_id)


def _first(connection: Connection, job_id: str, payload: str) -> Job:
    """Return the first job of a request_id; raises AlreadyExists when it is another now: asked for, or deleted."""
    first = _job(connection.execute(_job_by_id(job_id)).one())
    deleted = connection.execute(select(_deleted(job_id))).scalar_one()
    if first.payload != payload or deleted:
        how = "which was deleted" if deleted else "with other content"
        raise AlreadyExists(
            f"this request_id made job {first.id} {how}; give a new request_id",
            reason="REQUEST_ID_REUSED",
            metadata={"job": first.id},
        )
    return first


def _job(row: Row[Any]) -> Job:
    error = None
    if row.error_reason is not None:
        error = JobError(row.error_reason, row.error_message, json.loads(row.error_metadata))
    return Job(
        id=row.id,
        kind=row.kind,
        state=JobState(row.state),
        payload=row.payload,
        caller=row.caller,
        fraction=row.fraction,
        stage=row.stage,
        result=row.result,
        error=error,
        attempt=row.attempt,
        create_time=time_of(row.create_time),
        start_time=row.start_time and time_of(row.start_time),
        end_time=row.end_time and time_of(row.end_time),
        revision=row.revision,
        label=row.label,
        cancel_requested=row.cancel_requested,
    )
