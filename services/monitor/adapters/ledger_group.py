"""Segments that wait together are stored by one commit: each is judged as if those before it were stored already."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa
from deltalake import Transaction

from services.monitor.adapters.ledger_files import DataFile
from services.monitor.domain.chain import (
    Alert,
    Continuity,
    Head,
    SegmentFacts,
    advance,
    alert_again,
    alert_for,
    continuity,
    is_stored,
)
from shared.errors import CounterfoilError


@dataclass(frozen=True)
class Appended:
    """What became of a segment; `alert` is set if it does not continue its chain, also when it was stored before."""

    already_stored: bool
    alert: Alert | None = None


@dataclass(eq=False)
class Arrival:
    """A verified segment whose file is durable and waits for a commit; `outcome` is set once there is one."""

    facts: SegmentFacts
    rows: pa.Table
    file: DataFile
    outcome: Appended | CounterfoilError | None = None

    def result(self) -> Appended:
        """Return what became of it, or raise what it was refused for."""
        if isinstance(self.outcome, Appended):
            return self.outcome
        raise self.outcome or AssertionError("the segment was not judged")


@dataclass(frozen=True)
class Stored:
    """What the log holds under a segment's number: its digest, and how it follows."""

    digest: bytes
    found: Continuity


# Returns what the log holds under a segment's number, None if nothing.
Lookup: TypeAlias = Callable[[SegmentFacts, Head | None], Stored | None]


class Group:
    """What one commit adds, and what became of each segment once it has."""

    def __init__(self, head_of: Callable[[str], Head | None], lookup: Lookup) -> None:
        self._head_of = head_of
        self._lookup = lookup
        self.heads: dict[str, Head] = {}
        self.stored: dict[tuple[str, int], Stored] = {}
        self.added: list[tuple[Arrival, Continuity]] = []

    @property
    def transactions(self) -> list[Transaction]:
        """Return the highest number of each instance, under which Delta refuses a second writer of it."""
        return [Transaction(instance, head.number) for instance, head in self.heads.items()]

    def judge(self, arrivals: Sequence[Arrival]) -> list[Appended | CounterfoilError]:
        """Return what becomes of each segment, in order, if the commit succeeds."""
        return [self._judge(arrival) for arrival in arrivals]

    def _judge(self, arrival: Arrival) -> Appended | CounterfoilError:
        facts = arrival.facts
        head = self.heads.get(facts.instance) or self._head_of(facts.instance)
        stored = self.stored.get((facts.instance, facts.number)) or self._lookup(facts, head)
        try:
            known = is_stored(facts, stored.digest if stored else None)
        except CounterfoilError as conflict:
            return conflict
        if stored and known:
            return Appended(already_stored=True, alert=alert_again(stored.found, facts))
        found = continuity(head, facts)
        self.heads[facts.instance] = advance(head, facts)
        self.stored[facts.instance, facts.number] = Stored(facts.digest, found)
        self.added.append((arrival, found))
        return Appended(already_stored=False, alert=alert_for(found, head, facts))
