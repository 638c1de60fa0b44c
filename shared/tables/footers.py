"""What a Parquet file's footer already tells of its values, so that they need not be looked at."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True)
class KnownValues:
    """Columns in which no value is infinite (NaN may be), and columns in which no value is missing (NaN may be)."""

    finite: frozenset[str] = field(default_factory=frozenset)
    complete: frozenset[str] = field(default_factory=frozenset)


def known_values(path: Path) -> KnownValues:
    """Return what the statistics of every row group tell; a file without statistics tells nothing.

    Raises OSError if the file is no Parquet file.
    """
    try:
        footer = pq.read_metadata(path)
    except pa.ArrowInvalid as error:
        raise OSError(str(error)) from error
    names = [footer.schema.column(place).name for place in range(footer.num_columns)]
    statistics = {name: list(_statistics(footer, place)) for place, name in enumerate(names)}
    return KnownValues(
        frozenset(name for name, groups in statistics.items() if all(_is_finite(group) for group in groups)),
        frozenset(name for name, groups in statistics.items() if all(_is_complete(group) for group in groups)),
    )


def _statistics(footer: Any, place: int) -> Iterator[Any]:
    return (footer.row_group(group).column(place).statistics for group in range(footer.num_row_groups))


def _is_finite(statistics: Any) -> bool:
    if statistics is None or not statistics.has_min_max:
        return statistics is not None and statistics.has_null_count and statistics.num_values == 0
    return all(isinstance(bound, int | float) and isfinite(bound) for bound in (statistics.min, statistics.max))


def _is_complete(statistics: Any) -> bool:
    return statistics is not None and bool(statistics.has_null_count) and statistics.null_count == 0
