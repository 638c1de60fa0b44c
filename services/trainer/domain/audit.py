"""Who did what: events in a chain of hashes, so that a change, a gap or an insertion shows."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.digests import digest_of

GENESIS = digest_of(b"counterfoil.trainer.audit")
_LONGEST = {"resource": 256, "reason": 500, "request_id": 128, "caller": 256, "action": 64}
_LONGEST_DETAIL = 200


class Outcome(StrEnum):
    """How a call ended; OPEN while nobody has written it down."""

    OPEN = "OPEN"
    DONE = "DONE"
    REFUSED = "REFUSED"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Intent:
    """A call that is about to change something; `details` are what else it named."""

    caller: str
    action: str
    resource: str
    reason: str = ""
    request_id: str = ""
    details: Mapping[str, str] = field(default_factory=dict)

    def clipped(self) -> "Intent":
        """Return the intent within the trail's bounds: what a caller sends has none when it is written down."""
        short = {name: _clip(getattr(self, name), longest) for name, longest in _LONGEST.items()}
        details = {name: _clip(text, _LONGEST_DETAIL) for name, text in self.details.items() if text}
        return Intent(**short, details=details)


@dataclass(frozen=True)
class End:
    """How a call ended; `resource` is what it made, empty if that was named before or nothing was made."""

    outcome: Outcome
    error_reason: str = ""
    resource: str = ""


@dataclass(frozen=True)
class Link:
    """One link of the chain: an intent (`of` is 0), or the end of the intent at place `of`.

    An end repeats nothing of its intent. `time` is ISO 8601 in UTC, `details` is JSON.
    """

    sequence: int
    of: int
    time: str
    caller: str = ""
    action: str = ""
    resource: str = ""
    reason: str = ""
    request_id: str = ""
    details: str = "{}"
    outcome: str = Outcome.OPEN
    error_reason: str = ""

    def hash_after(self, previous: str) -> str:
        """Return this link's hash (hex), which follows from the previous one and everything in the link."""
        document = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return digest_of(bytes.fromhex(previous) + document.encode())


@dataclass(frozen=True)
class AuditEvent:
    """A call as auditors see it; `end_time` is None while the outcome is OPEN."""

    sequence: int
    time: datetime
    intent: Intent
    outcome: Outcome
    end_time: datetime | None
    error_reason: str
    hash: str


@dataclass(frozen=True)
class EventFilter:
    """Which events to show; an empty part matches any. `resource` matches what lies below it as well."""

    resource: str = ""
    caller: str = ""
    action: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None


@dataclass(frozen=True)
class Known:
    """A link whose hash somebody noted elsewhere."""

    sequence: int
    hash: str


@dataclass(frozen=True)
class TrailReport:
    """What a chain was found to be; `broken_sequence` is None and `problem` empty where it is intact."""

    head_sequence: int
    head_hash: str
    broken_sequence: int | None = None
    problem: str = ""


def verify_chain(links: Iterable[tuple[Link, str]], known: Sequence[Known] = ()) -> TrailReport:
    """Return whether each link (with its stored hash), from the first on, follows from the one before.

    The head is the last link that follows. Those that are known must be among the links.
    """
    noted: dict[int, set[str]] = {}
    for each in known:
        noted.setdefault(each.sequence, set()).add(each.hash)
    sequence, previous = 0, GENESIS
    for link, stored in links:
        problem = _problem(link, stored, after=(sequence, previous), noted=noted)
        if problem:
            return TrailReport(sequence, previous, sequence + 1, problem)
        sequence, previous = link.sequence, stored
    if any(place > sequence for place in noted):
        return TrailReport(sequence, previous, sequence + 1, "this link is missing, and so are those after it")
    return TrailReport(sequence, previous)


def _problem(link: Link, stored: str, *, after: tuple[int, str], noted: Mapping[int, set[str]]) -> str:
    sequence, previous = after
    if link.sequence != sequence + 1:
        return "this link is missing"
    if stored != link.hash_after(previous):
        return "this link was changed, or the one before"
    if noted.get(link.sequence, {stored}) != {stored}:
        return "this link is not the one that was noted"
    return ""


def _clip(text: str, longest: int) -> str:
    # PostgreSQL stores no NUL.
    return text[:longest].replace("\0", "\N{REPLACEMENT CHARACTER}")
