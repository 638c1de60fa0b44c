"""Values that were stored beside those that are computed now: which of them differ."""

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

TOLERANCE = 1e-12
"""How far two kernels' contributions may lie apart, in log-odds; those of one kernel are equal to the bit."""

Value = float | int | str | None


@dataclass(frozen=True)
class Difference:
    """A field whose stored value is not the one computed now; None where there is none."""

    field: str
    stored: Value
    computed: Value


def differing(field: str, stored: Value, computed: Value) -> Iterator[Difference]:
    """Yield the difference of two values, unless they are equal to the bit: 0.0 and -0.0 differ, NaN equals itself."""
    if _bits(stored) != _bits(computed):
        yield Difference(field, stored, computed)


def differing_lists(field: str, stored: Iterable[Value], computed: Iterable[Value]) -> Iterator[Difference]:
    """Yield what differs place by place, as `field[place]`; a shorter list lacks its last values."""
    left, right = list(stored), list(computed)
    for place in range(max(len(left), len(right))):
        yield from differing(f"{field}[{place}]", _at(left, place), _at(right, place))


def differing_contributions(
    stored: Mapping[int, float], computed: Mapping[int, float], *, names: Mapping[int, str], whole: bool
) -> Iterator[Difference]:
    """Yield the contributions of two kernels, by position in the schema, that lie more than 1e-12 apart.

    One that is not there is 0. Unless `stored` is `whole`, only what it holds is looked at. Fields are
    `reason_contributions["NAME"]`.
    """
    for position in sorted({*stored, *(computed if whole else ())}):
        left, right = stored.get(position, 0.0), computed.get(position, 0.0)
        if not abs(left - right) <= TOLERANCE:
            yield Difference(f'reason_contributions["{names[position]}"]', left, right)


def differing_nearly(field: str, stored: float, computed: float) -> Iterator[Difference]:
    """Yield the difference of two numbers that lie more than 1e-12 apart."""
    if not abs(stored - computed) <= TOLERANCE:
        yield Difference(field, stored, computed)


def _at(values: list[Value], place: int) -> Value:
    return values[place] if place < len(values) else None


def _bits(value: Value) -> object:
    return struct.pack("<d", value) if isinstance(value, float) else value
