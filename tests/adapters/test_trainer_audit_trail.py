"""The trail on a real database: events in order, found by what they are, and tampering shows."""

import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.trainer.adapters.audit_trail import AuditTrail
from services.trainer.domain.audit import End, EventFilter, Intent, Known, Outcome
from shared.errors import InvalidInput, Unavailable

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_PROMOTION = Intent("CN=officer", "PromoteModelVersion", "models/m/versions/1", "cheaper", "", {"alias": "champion"})
_DATASET = Intent("CN=analyst", "CreateDataset", "", request_id="r-1")


class Minutes:
    """A clock that goes on by a minute each time it is read."""

    def __init__(self) -> None:
        self.now = _NOON

    def __call__(self) -> datetime:
        """Return the next minute."""
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture
def trail(tmp_path: Path) -> AuditTrail:
    """Return an empty trail."""
    return AuditTrail(f"sqlite:///{tmp_path / 'jobs.db'}", clock=Minutes())


def _resources(trail: AuditTrail, wanted: EventFilter) -> list[str]:
    return [event.intent.resource for event in trail.list(wanted, page_size=50)[0]]


def _tamper(folder: Path, statement: str) -> None:
    with sqlite3.connect(folder / "jobs.db") as connection:
        connection.execute(statement)
    connection.close()


def test_event_shows_intent_and_end(trail: AuditTrail) -> None:
    """Who, what, why, when it began and ended, and how."""
    trail.end(trail.begin(_PROMOTION), End(Outcome.REFUSED, "ETAG_MISMATCH"))

    ((event,), position) = trail.list(EventFilter(), page_size=50)

    assert (event.intent, event.outcome, event.error_reason) == (_PROMOTION, Outcome.REFUSED, "ETAG_MISMATCH")
    assert (event.time, event.end_time) == (_NOON + timedelta(minutes=1), _NOON + timedelta(minutes=2))
    assert position == ""


def test_event_without_its_end_is_open(trail: AuditTrail) -> None:
    """As when the service was killed in the middle of the call."""
    trail.begin(_PROMOTION)

    ((event,), _) = trail.list(EventFilter(), page_size=50)

    assert (event.outcome, event.end_time, event.error_reason) == (Outcome.OPEN, None, "")


def test_what_was_made_is_the_events_resource(trail: AuditTrail) -> None:
    """A creation cannot name beforehand what it makes."""
    trail.end(trail.begin(_DATASET), End(Outcome.DONE, resource="datasets/ds-1"))

    assert _resources(trail, EventFilter(resource="datasets/ds-1")) == ["datasets/ds-1"]


def test_events_are_found_by_what_they_are(trail: AuditTrail) -> None:
    """Every part of the filter narrows; a resource takes what lies below it, and only that."""
    trail.begin(_PROMOTION)
    trail.end(trail.begin(_DATASET), End(Outcome.DONE, resource="datasets/ds-1"))
    trail.begin(Intent("CN=officer", "DeleteModelVersion", "models/m2/versions/1"))
    minutes = [_NOON + timedelta(minutes=count) for count in range(6)]

    assert _resources(trail, EventFilter()) == ["models/m2/versions/1", "datasets/ds-1", "models/m/versions/1"]
    assert _resources(trail, EventFilter(resource="models/m")) == ["models/m/versions/1"]
    assert _resources(trail, EventFilter(resource="models/_")) == []
    assert _resources(trail, EventFilter(caller="CN=analyst")) == ["datasets/ds-1"]
    assert _resources(trail, EventFilter(caller="CN=officer", action="DeleteModelVersion")) == ["models/m2/versions/1"]
    assert _resources(trail, EventFilter(start_time=minutes[2])) == ["models/m2/versions/1", "datasets/ds-1"]
    assert _resources(trail, EventFilter(start_time=minutes[2], end_time=minutes[4])) == ["datasets/ds-1"]


def test_pages_go_on_where_the_last_one_ended(trail: AuditTrail) -> None:
    """Newest first; events that come meanwhile are not in them."""
    places = [trail.begin(_PROMOTION) for _ in range(3)]

    first, position = trail.list(EventFilter(), page_size=2)
    trail.begin(_DATASET)
    second, end = trail.list(EventFilter(), page_size=2, before=position)

    assert [event.sequence for event in (*first, *second)] == places[::-1]
    assert end == ""


def test_position_of_another_list_is_refused(trail: AuditTrail) -> None:
    """It names the field."""
    with pytest.raises(InvalidInput) as refusal:
        trail.list(EventFilter(), page_size=2, before="nobody")

    assert refusal.value.violations[0].field == "page_token"


def test_trail_goes_on_in_the_next_life(trail: AuditTrail, tmp_path: Path) -> None:
    """One chain, whatever number of processes wrote it."""
    trail.begin(_PROMOTION)

    AuditTrail(f"sqlite:///{tmp_path / 'jobs.db'}").begin(_DATASET)

    report = trail.verify()
    assert (report.broken_sequence, report.head_sequence) == (None, 2)


def test_callers_at_once_make_one_chain(trail: AuditTrail) -> None:
    """No link is lost and none follows from the same one as another."""

    def write() -> None:
        for _ in range(5):
            trail.end(trail.begin(_PROMOTION), End(Outcome.DONE))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    report = trail.verify()
    assert (report.broken_sequence, report.head_sequence) == (None, 40)


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("update audit_links set caller = 'CN=somebody else' where sequence = 2", 2),
        ("update audit_links set reason = '' where sequence = 1", 1),
        ("delete from audit_links where sequence = 2", 2),
        ("delete from audit_links where sequence = 3", 3),
        ("delete from audit_links", 1),
        ("update audit_links set hash = 'ff' || substr(hash, 3) where sequence = 3", 3),
    ],
)
def test_tampering_shows(trail: AuditTrail, tmp_path: Path, statement: str, broken: int) -> None:
    """Also where the end was cut off, since the head is kept apart from the links."""
    for _ in range(3):
        trail.begin(_PROMOTION)

    _tamper(tmp_path, statement)

    assert trail.verify().broken_sequence == broken


def test_trail_that_was_cut_off_with_its_head_shows_by_a_head_from_elsewhere(trail: AuditTrail, tmp_path: Path) -> None:
    """Whoever writes the database can write both."""
    for _ in range(3):
        trail.begin(_PROMOTION)
    kept = trail.verify()

    _tamper(tmp_path, "delete from audit_links where sequence > 1")
    _tamper(tmp_path, "update audit_head set sequence = 1, hash = (select hash from audit_links)")

    assert trail.verify().broken_sequence is None
    assert trail.verify(Known(kept.head_sequence, kept.head_hash)).broken_sequence == 2


def test_database_that_is_gone_is_unavailable(trail: AuditTrail, tmp_path: Path) -> None:
    """So that the call that was to be written down is not begun."""
    _tamper(tmp_path, "drop table audit_head")

    with pytest.raises(Unavailable) as refusal:
        trail.begin(_PROMOTION)

    assert refusal.value.reason == "JOB_STORE_UNAVAILABLE"
