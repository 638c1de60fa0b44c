"""The windows of a model version's decisions, as sketches of bounded number and size."""

import itertools
import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from services.monitor.domain.drift_verdict import WindowKind
from services.monitor.domain.histograms import Bins, Decisions, Sketch
from shared.errors import FieldViolation

_PARTS = 24  # a window of hours moves on by a twenty-fourth of its length
_CHUNKS = 10  # the last decisions are forgotten by the tenth
_HOUR_S, _DAY_S = 3_600.0, 86_400.0


@dataclass(frozen=True)
class WindowLengths:
    """How far the windows reach back: decisions, hours, days."""

    last_count: int = 5_000
    last_hours: float = 24.0
    last_days: int = 30


def check_lengths(lengths: WindowLengths) -> list[FieldViolation]:
    """Return what is wrong with the lengths."""
    bounds = {"last_count": (100, 1_000_000), "last_hours": (0.1, 168.0), "last_days": (1, 366)}
    return [
        FieldViolation(name, f"is not between {least:,} and {largest:,}")
        for name, (least, largest) in bounds.items()
        if not least <= getattr(lengths, name) <= largest
    ]


@dataclass(frozen=True, eq=False)
class Counted:
    """What a window holds; `start_time` (seconds since 1970) is when its oldest decision was made, infinite if none."""

    sketch: Sketch
    start_time: float


class DriftWindows:
    """One model version's windows; times are seconds since 1970. To be used by one thread at a time.

    The window of the last decisions holds at least so many of them, in the order in which they arrive, and up to a
    tenth more. Those of hours and days end now; their beginning moves on by parts of 1/24 and of a day.
    """

    def __init__(self, bins: Bins, lengths: WindowLengths) -> None:
        self._bins = bins
        self._last = _Newest(bins, lengths.last_count)
        part = lengths.last_hours * _HOUR_S / _PARTS
        self._hours = _Buckets(bins, part, _PARTS)
        self._days = _Buckets(bins, _DAY_S, lengths.last_days)
        self._promoted_at = -math.inf
        self._promoted = _Part(bins.empty())

    @property
    def promoted_at(self) -> float:
        """Return since when decisions count as those since promotion; infinite in the past: all do."""
        return self._promoted_at

    def add(self, decisions: Decisions, now: float) -> None:
        """Count decisions; a clock that runs ahead of `now` is set right."""
        times = np.minimum(decisions.times, now)
        order = np.argsort(times, kind="stable")
        ordered = Decisions(times, decisions.values, decisions.margins, decisions.contributions).take(order)
        for alike in self._alike(ordered):
            part = _Part(self._bins.sketch(alike), float(alike.times[0]))
            if not part.sketch.rows:
                continue
            self._last.add(part)
            self._hours.add(part)
            self._days.add(part)
            if part.start_time >= self._promoted_at:
                self._promoted.add(part)
        self.forget(now)

    def promote(self, time: float) -> None:
        """Let the window since promotion begin at this time, with what the buckets of days since then hold."""
        if time == self._promoted_at:
            return
        self._promoted_at = time
        self._promoted = _Part(self._bins.empty())
        for part in self._days.since(time):
            self._promoted.add(part)

    def forget(self, now: float) -> None:
        """Let go of what has left the windows by now."""
        self._hours.forget(now)
        self._days.forget(now)

    def counted(self) -> Mapping[WindowKind, Counted]:
        """Return what each window holds."""
        return {
            WindowKind.LAST_COUNT: self._last.total(),
            WindowKind.LAST_HOURS: self._hours.total(),
            WindowKind.LAST_DAYS: self._days.total(),
            WindowKind.SINCE_PROMOTION: Counted(self._promoted.sketch, self._promoted.start_time),
        }

    def _alike(self, ordered: Decisions) -> Iterator[Decisions]:
        """Yield runs of decisions that belong in the same bucket of every window."""
        times = ordered.times
        places = [self._hours.places(times), self._days.places(times), times >= self._promoted_at]
        moved = np.any([np.diff(place) != 0 for place in places], axis=0)
        cuts = [0, *(np.flatnonzero(moved) + 1).tolist(), len(times)]
        for start, end in itertools.pairwise(cuts):
            # No larger than a chunk of the last decisions, so that these are forgotten in small steps.
            yield from (
                ordered.take(slice(first, min(first + self._last.chunk_rows, end)))
                for first in range(start, end, self._last.chunk_rows)
            )


@dataclass(eq=False)
class _Part:
    sketch: Sketch
    start_time: float = math.inf

    def add(self, other: "_Part") -> None:
        self.sketch.add(other.sketch)
        self.start_time = min(self.start_time, other.start_time)


class _Newest:
    """The newest decisions in chunks of a tenth."""

    def __init__(self, bins: Bins, count: int) -> None:
        self.chunk_rows = max(count // _CHUNKS, 1)
        self._bins = bins
        self._count = count
        self._chunks: deque[_Part] = deque()

    def add(self, part: _Part) -> None:
        if not self._chunks or self._chunks[-1].sketch.rows >= self.chunk_rows:
            self._chunks.append(_Part(self._bins.empty()))
        self._chunks[-1].add(part)
        while self._rows() - self._chunks[0].sketch.rows >= self._count:
            self._chunks.popleft()

    def total(self) -> Counted:
        return _total(self._bins, self._chunks)

    def _rows(self) -> int:
        return sum(chunk.sketch.rows for chunk in self._chunks)


class _Buckets:
    """The newest `number` buckets of `width_s` seconds."""

    def __init__(self, bins: Bins, width_s: float, number: int) -> None:
        self._bins = bins
        self._width_s = width_s
        self._number = number
        self._oldest = -math.inf
        self._buckets: dict[int, _Part] = {}

    def places(self, times: np.ndarray) -> np.ndarray:
        return np.floor(times / self._width_s)

    def add(self, part: _Part) -> None:
        place = math.floor(part.start_time / self._width_s)
        if place >= self._oldest:
            self._buckets.setdefault(place, _Part(self._bins.empty())).add(part)

    def since(self, time: float) -> list[_Part]:
        return [part for part in self._buckets.values() if part.start_time >= time]

    def forget(self, now: float) -> None:
        self._oldest = math.floor(now / self._width_s) - self._number + 1
        for place in [place for place in self._buckets if place < self._oldest]:
            del self._buckets[place]

    def total(self) -> Counted:
        return _total(self._bins, self._buckets.values())


def _total(bins: Bins, parts: Iterable[_Part]) -> Counted:
    total = _Part(bins.empty())
    for part in parts:
        total.add(part)
    return Counted(total.sketch, total.start_time)
