"""The loops over rows: one pass that scatters each value into what is kept of its group, in the order of the file.

A group's values are added up one after another wherever its rows lie, so that a client alone, a client among others
and any number of threads give the same bits. `groups` holds each row's group, negative for a row that counts nowhere.
A value that is NaN, infinite or equal to `never` is missing.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.features.compiled import compiled

Floats = NDArray[np.float64]
Numbers = NDArray[np.float64] | NDArray[np.int64]
Places = NDArray[np.int32]
Codes = NDArray[np.int16]
Values = NDArray[Any]
Counts = NDArray[np.int32]
Mask = NDArray[np.bool_]
Bits = NDArray[np.int64]


@compiled
def look_up(keys: NDArray[np.int64], first: int, places: Places, found: Places) -> None:
    """Set each key's place, from a table of them that begins with the key `first`; -1 for a key that is not there."""
    last = first + len(places) - 1
    for row in range(len(keys)):
        found[row] = places[keys[row] - first] if first <= keys[row] <= last else -1


@compiled
def take_numbers(values: Numbers, rows: NDArray[np.uint32], never: float, taken: Floats) -> None:
    """Take the values of some rows, NaN for one that is missing, infinite or `never`."""
    for place in range(len(rows)):
        value = float(values[rows[place]])
        taken[place] = value if abs(value) < math.inf and value != never else math.nan


@compiled
def count_rows(groups: Places, rows: Counts) -> None:
    """Count the rows of each group."""
    for row in range(len(groups)):
        if groups[row] >= 0:
            rows[groups[row]] += 1


@compiled
def count_codes(groups: Places, codes: Codes, counts: Counts, seen: Mask) -> None:
    """Count per code, (n_codes + 1, n_groups), the rows of each group: -1, missing, in the first row, others after.

    `seen`, (n_codes + 1), tells which codes there were at all, also in rows that count nowhere.
    """
    for row in range(len(groups)):
        if codes[row] >= -1:
            seen[codes[row] + 1] = True
            if groups[row] >= 0:
                counts[codes[row] + 1, groups[row]] += 1


@compiled
def set_quotients(dividends: Counts | Floats, divisors: Counts, quotients: Floats) -> None:
    """Set each dividend by its divisor, NaN where both are zero; quotients may take the place of their dividends."""
    for group in range(len(divisors)):
        quotients[group] = dividends[group] / divisors[group]


@compiled
def clear_uncounted(counts: Counts, values: Floats) -> None:
    """Set NaN where nothing was counted."""
    for group in range(len(counts)):
        if counts[group] == 0:
            values[group] = math.nan


@compiled
def add_totals(groups: Places, values: Values, never: float, counts: Counts, kept: tuple[Floats, ...]) -> None:
    """Add each group's values, and count them; here and below all that is kept begins as zero."""
    (sums,) = kept
    for row in range(len(groups)):
        group, value = groups[row], float(values[row])
        if group >= 0 and abs(value) < math.inf and value != never:
            counts[group] += 1
            sums[group] += value


@compiled
def add_extremes(groups: Places, values: Values, never: float, counts: Counts, kept: tuple[Floats, ...]) -> None:
    """Keep each group's sum, least and greatest value, and count its values."""
    sums, least, greatest = kept
    for row in range(len(groups)):
        group, value = groups[row], float(values[row])
        if group >= 0 and abs(value) < math.inf and value != never:
            if counts[group] == 0:
                least[group] = greatest[group] = value
            # Chosen rather than branched to: which way it goes is not to be guessed.
            low, high = least[group], greatest[group]
            least[group] = value if value < low else low
            greatest[group] = value if value > high else high
            counts[group] += 1
            sums[group] += value


@compiled
def add_spread(groups: Places, values: Values, never: float, counts: Counts, kept: tuple[Floats, ...]) -> None:
    """Keep what a variance needs besides what `add_extremes` keeps: sums of the distance to the group's first value.

    Unshifted, values close together would lose up to seven digits of their variance; since the first value is one of
    the group's, its distance to the others cannot be large against their spread.
    """
    sums, least, greatest, first, distances, squares = kept
    for row in range(len(groups)):
        group, value = groups[row], float(values[row])
        if group >= 0 and abs(value) < math.inf and value != never:
            if counts[group] == 0:
                first[group] = least[group] = greatest[group] = value
            low, high = least[group], greatest[group]
            least[group] = value if value < low else low
            greatest[group] = value if value > high else high
            counts[group] += 1
            sums[group] += value
            distance = value - first[group]
            distances[group] += distance
            squares[group] += distance * distance


@compiled
def set_variances(counts: Counts, distances: Floats, squares: Floats) -> None:
    """Turn the sums of squares into variances with one degree of freedom less; NaN for fewer than two values."""
    for group in range(len(counts)):
        if counts[group] > 1:
            spread = squares[group] - distances[group] * distances[group] / counts[group]
            squares[group] = max(spread, 0.0) / (counts[group] - 1)
        else:
            squares[group] = math.nan


@compiled
def keep_latest(groups: Places, values: Numbers, latest: Floats) -> None:
    """Keep the greatest values of each group, (n_groups, count), in ascending order; it begins as minus infinity."""
    count = latest.shape[1]
    for row in range(len(groups)):
        group = groups[row]
        value = float(values[row])
        if group < 0 or not abs(value) < math.inf or value <= latest[group, 0]:
            continue
        place = 0
        while place + 1 < count and latest[group, place + 1] < value:
            latest[group, place] = latest[group, place + 1]
            place += 1
        latest[group, place] = value


@compiled
def among_latest(groups: Places, values: Numbers, latest: Floats, chosen: Mask) -> None:
    """Clear the choice of every row whose value is missing or lies before the latest ones of its group."""
    for row in range(len(groups)):
        group = groups[row]
        value = float(values[row])
        if group < 0 or not abs(value) < math.inf or value < latest[group, 0]:
            chosen[row] = False


@compiled
def insert_distinct(groups: Places, values: Bits, room: int, table: tuple[Places, Bits], counts: Counts) -> int:
    """Count per group the values not met before; return how many rows were taken when the room was used up.

    `values` are numbers by their bits. The table is an open hash table of groups (negative where free) and values,
    whose length is a power of two.
    """
    owners, members = table
    for row in range(len(groups)):
        if room <= 0:
            return row
        group, value = groups[row], values[row]
        if group < 0:
            continue
        mixed = ((value ^ (value >> 32)) & 0x7FFFFFFF) * 40503 + group * 65537
        place = (mixed ^ (mixed >> 15) ^ (mixed >> 27)) & (len(owners) - 1)
        while owners[place] >= 0 and (owners[place] != group or members[place] != value):
            place = (place + 1) & (len(owners) - 1)
        if owners[place] < 0:
            owners[place] = group
            members[place] = value
            counts[group] += 1
            room -= 1
    return len(groups)
