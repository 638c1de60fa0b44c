"""Which job the request_id of a caller made: what keeps a create that is sent twice from making two jobs."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from shared.database import time_text
from shared.errors import InvalidInput
from shared.jobs.database import REQUESTS

MAX_REQUEST_ID = 128
REQUEST_ID_LIFE = timedelta(hours=24)


def claim(connection: Connection, *, caller: str, kind: str, request_id: str, job_id: str, now: datetime) -> str | None:
    """Return the id of the job that the request made within 24 hours; else note `job_id` as its job and return None.

    An empty request_id never made one. Raises InvalidInput for one over 128 characters, and IntegrityError when
    another transaction notes the same request.
    """
    # The delete comes first: with SQLite a second creator waits here, before it looks, until the first has committed.
    connection.execute(delete(REQUESTS).where(REQUESTS.c.create_time <= time_text(now - REQUEST_ID_LIFE)))
    made = find_made(connection, caller=caller, kind=kind, request_id=request_id, now=now)
    if request_id and made is None:
        key = {"caller": caller, "kind": kind, "request_id": request_id}
        connection.execute(insert(REQUESTS).values(**key, job_id=job_id, create_time=time_text(now)))
    return made


def find_made(connection: Connection, *, caller: str, kind: str, request_id: str, now: datetime) -> str | None:
    """Return the id of the job that the request made within 24 hours, None if it made none; raises InvalidInput."""
    if len(request_id) > MAX_REQUEST_ID:
        raise InvalidInput.of("request_id", f"has {len(request_id)} characters; give at most {MAX_REQUEST_ID}")
    key = {"caller": caller, "kind": kind, "request_id": request_id}
    query = select(REQUESTS.c.job_id).where(
        *(REQUESTS.c[name] == value for name, value in key.items()),
        REQUESTS.c.create_time > time_text(now - REQUEST_ID_LIFE),
    )
    made: str | None = connection.execute(query).scalar_one_or_none()
    return made
