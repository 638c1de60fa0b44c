"""Whether the segments of the log follow each other without a gap, whatever the order in which they were stored."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class FaultKind(StrEnum):
    """What is wrong with a part of the log."""

    FILE_UNREADABLE = "FILE_UNREADABLE"
    FILE_CHANGED = "FILE_CHANGED"
    RECORD_CHANGED = "RECORD_CHANGED"
    PERSONAL_PART_CHANGED = "PERSONAL_PART_CHANGED"
    COLUMN_CHANGED = "COLUMN_CHANGED"
    RECORDS_MISSING = "RECORDS_MISSING"
    SEGMENT_CHANGED = "SEGMENT_CHANGED"
    SEGMENT_MISSING = "SEGMENT_MISSING"
    SEGMENT_DOUBLED = "SEGMENT_DOUBLED"
    CHAIN_BROKEN = "CHAIN_BROKEN"
    RECEIPT_MISSING = "RECEIPT_MISSING"
    RECEIPT_DIFFERS = "RECEIPT_DIFFERS"
    ERASURE_UNRECORDED = "ERASURE_UNRECORDED"


@dataclass(frozen=True)
class Fault:
    """Something wrong and its place; number and sequence are 0, instance and file empty, where none is known."""

    kind: FaultKind
    problem: str
    instance: str = ""
    number: int = 0
    sequence: int = 0
    file: str = ""


class Broken(Exception):
    """The log is not as it was sealed."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.problem)
        self.fault = fault


@dataclass(frozen=True)
class Link:
    """A segment that was checked by itself: what ties it to the one before and to the one after."""

    instance: str
    number: int
    first_sequence: int
    last_sequence: int
    previous_hash: bytes
    last_hash: bytes

    def broken(self, problem: str, kind: FaultKind = FaultKind.CHAIN_BROKEN) -> Broken:
        """Return what is wrong with the segment."""
        return Broken(Fault(kind, f"segment {self.number} {problem}", self.instance, self.number))


@dataclass(frozen=True)
class Receipt:
    """What a lender kept of an answer; the hash has 32 bytes."""

    instance: str
    sequence: int
    hash: bytes


@dataclass(frozen=True)
class Gap:
    """Numbers `first` to `last` that are missing between two segments; `before` is None at an instance's start."""

    first: int
    last: int
    before: Link | None
    after: Link


@dataclass
class Chains:
    """The segments of each instance, as far as they were followed.

    Memory holds two links an instance and what is missing, not the segments. An instance must begin with number `first`
    and reach `last`; None lets it begin and end anywhere, and the first segment build on what it says.
    """

    first: int | None = 1
    last: int | None = None
    _starts: dict[str, Link] = field(default_factory=dict)
    _ends: dict[str, Link] = field(default_factory=dict)
    _gaps: dict[str, list[Gap]] = field(default_factory=dict)

    @property
    def instances(self) -> int:
        """Return how many instances were seen."""
        return len(self._ends)

    def follow(self, link: Link) -> None:
        """Take a segment; raises Broken if it does not build on the one before it, or is there already."""
        end = self._ends.get(link.instance)
        if end is None:
            self._starts[link.instance] = link
            self._tie(None, self.first or link.number, link)
        elif link.number > end.number:
            self._tie(end, end.number + 1, link)
        elif self.first is None and link.number < (start := self._starts[link.instance]).number:
            self._starts[link.instance] = link
            self._tie(link, link.number + 1, start)
            return
        else:
            self._fill(link)
            return
        self._ends[link.instance] = link

    def missing(self, is_stored: Callable[[str, int], bool]) -> Iterator[Fault]:
        """Yield what is missing; `is_stored` tells whether the log holds an instance's number outside of the range."""
        for instance, end in sorted(self._ends.items()):
            spans = [(gap.first, gap.last) for gap in self._gaps.get(instance, [])]
            if self.last is not None and end.number < self.last:
                spans.append((end.number + 1, self.last))
            for first, last in sorted(spans):
                if not is_stored(instance, first):
                    problem = f"segment {first}{f' to {last}' if last > first else ''} is missing"
                    yield Fault(FaultKind.SEGMENT_MISSING, problem, instance, first)

    def _tie(self, before: Link | None, expected: int, link: Link) -> None:
        if link.number > expected:
            self._gaps.setdefault(link.instance, []).append(Gap(expected, link.number - 1, before, link))
        elif before is not None:
            _join(before, link)

    def _fill(self, link: Link) -> None:
        gaps = self._gaps.get(link.instance, [])
        gap = next((each for each in gaps if each.first <= link.number <= each.last), None)
        if gap is None:
            raise link.broken("is stored twice", FaultKind.SEGMENT_DOUBLED)
        gaps.remove(gap)
        self._tie(gap.before, gap.first, link)
        self._tie(link, link.number + 1, gap.after)


def _join(before: Link, after: Link) -> None:
    if after.previous_hash != before.last_hash or after.first_sequence != before.last_sequence + 1:
        raise after.broken(f"does not build on the last record of segment {before.number}")
